/* A strict reader of Prometheus' text format 0.0.4, which throws at whatever its description does not allow. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  help: string;
  type: string;
  samples: Sample[];
}

const HELP = /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/;
const TYPE = /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge)$/;
const SAMPLE = /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (\d+(?:\.\d+)?(?:e[+-]\d+)?)$/;
const LABEL = /([a-z][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** The metrics in `text`, by name. */
export function readMetrics(text: string): Map<string, Family> {
  const fail = (what: string): never => {
    throw new Error(`${what} in ${JSON.stringify(text)}`);
  };
  if (!text.endsWith("\n")) fail("no newline at the end");
  if (/[\p{Cc}\p{Cf}\p{Cs}\ufffd]/u.test(text.replaceAll("\n", ""))) fail("a control character");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let family: Family | null = null;
  let name = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, helped, help] = HELP.exec(line) ?? [];
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (helped !== undefined) {
      if (families.has(helped)) fail(`${helped} twice`);
      name = helped;
      family = null;
      families.set(name, { help, type: "", samples: [] });
    } else if (typed !== undefined) {
      family = families.get(typed) ?? fail(`${typed} without help`);
      if (typed !== name || family.type !== "") fail(`the type of ${typed} is not behind its help`);
      if ((type === "counter") !== typed.endsWith("_total")) fail(`a ${type} named ${typed}`);
      family.type = type;
    } else {
      const [, of, labels = "", value] = SAMPLE.exec(line) ?? fail(line);
      if (family === null || of !== name) throw new Error(`${of} is not with its family`);
      const id = `${of}{${labels}}`;
      if (seen.has(id)) fail(`${id} twice`);
      seen.add(id);
      family.samples.push({ name: of, labels: labelsOf(labels), value: Number(value) });
    }
  }
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || name in labels) throw new Error(`labels ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

/** The values of a metric, by the values of its labels. */
export function valuesOf(families: Map<string, Family>, name: string): Record<string, number> {
  const samples = families.get(`genevescope_${name}`)?.samples;
  if (samples === undefined) throw new Error(`no ${name}`);
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

/** Their sum. */
export function sumOf(families: Map<string, Family>, name: string): number {
  return Object.values(valuesOf(families, name)).reduce((sum, value) => sum + value, 0);
}
