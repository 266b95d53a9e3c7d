/** A column of a text table: its heading and which side its cells keep to. */
export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** Marks up text for a terminal; the plain one leaves it as it is. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  cyan(text: string): string;
  yellow(text: string): string;
}

const identity = (text: string): string => text;

export const plainStyle: Style = {
  bold: identity,
  dim: identity,
  red: identity,
  green: identity,
  cyan: identity,
  yellow: identity,
};

const sgr =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${open}m${text}\u001b[${close}m`;

export const colourStyle: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  cyan: sgr(36, 39),
  yellow: sgr(33, 39),
};

/** Rows under bold headings, columns two blanks apart, indented by two. Cells are plain, safe text. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
): string {
  const widths = columns.map((column, c) =>
    rows.reduce((widest, row) => Math.max(widest, row[c].length), column.title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => (columns[c].align === "right" ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join("  ")
      .trimEnd();
  const out = [`  ${style.bold(line(columns.map((column) => column.title)))}\n`];
  for (const row of rows) out.push(`  ${line(row)}\n`);
  return out.join("");
}

/** An integer with thin groups of three: 1234567 as `1,234,567`. */
export function grouped(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
