import { afterAll, afterEach, expect, test } from "vitest";
import { ClusterMember } from "./cluster.js";
import { describeOvsdb } from "./ovsdb.js";
import { RandomTransactions } from "./random-transactions.js";
import { closeAll, follow, NOW, reached } from "./server.js";

describeOvsdb("a cluster of three", () => {
  const members: ClusterMember[] = [];
  const startCluster = async () => {
    const first = new ClusterMember();
    members.push(first);
    await first.start();
    const others = [new ClusterMember(first), new ClusterMember(first)];
    members.push(...others);
    for (const other of others) await other.start();
    return [first, ...others];
  };
  const remoteOf = (list: readonly ClusterMember[]) => list.map(({ remote }) => remote).join(",");
  /** Runs transactions on any member that takes them. */
  const change = (list: readonly ClusterMember[], random: RandomTransactions, count: number) => {
    const member = list.find(({ isLeader }) => isLeader) ?? list[0];
    for (let done = 0; done < count; ) if (member.transact(random.next(member.dump())) === null) done++;
    return member.dump();
  };
  afterEach(closeAll);
  afterAll(() => Promise.all(members.map((member) => member.stop())));

  test("is followed while its leader is killed, and a member is started again", async () => {
    const cluster = await startCluster();
    const random = new RandomTransactions(51);
    change(cluster, random, 10);
    const leader = cluster.find(({ isLeader }) => isLeader) as ClusterMember;
    const others = cluster.filter((member) => member !== leader);
    const { inventory, link } = await follow(remoteOf([leader, ...others]));
    expect(link.remote).toBe(leader.remote);
    await inventory.expectDump(change(cluster, random, 5));

    // The other members are there at once: the link may be connected again before the kill is over.
    const lost = reached(link, "reconnecting");
    await leader.kill();
    await lost;
    await reached(link, "connected");
    expect(others.map(({ remote }) => remote)).toContain(link.remote);
    // The new member knows the transaction we were at: only what changed came.
    expect(inventory.applied.some(({ replaces }) => replaces === true)).toBe(false);
    await inventory.expectDump(change(others, random, 5));

    await leader.start();
    const second = others.find(({ remote }) => remote === link.remote) as ClusterMember;
    const lostAgain = reached(link, "reconnecting");
    await second.kill();
    await lostAgain;
    await reached(link, "connected");
    const rest = [leader, ...others].filter((member) => member !== second);
    await inventory.expectDump(change(rest, random, 5));
    expect(inventory.warnings.filter(({ code }) => code !== "unknown-row")).toEqual([]);
  });

  test("without a majority is skipped, and left when it loses that", async () => {
    const cluster = await startCluster();
    const random = new RandomTransactions(52);
    const dump = change(cluster, random, 8);
    const [lonely, ...others] = cluster;
    const { inventory, link } = await follow(lonely.remote);
    await inventory.expectDump(dump);
    for (const other of others) await other.kill();
    await reached(link, "reconnecting");
    expect(link.lastError).toMatchObject({ code: "ERR_SB_CLUSTER" });
    await expect(follow(remoteOf(cluster), { connectTimeout: 300 })).rejects.toMatchObject({
      code: "ERR_SB_CLUSTER",
      message: expect.stringMatching(
        new RegExp(
          `no server can be used: ${lonely.remote}: the server is not in touch with a majority of its cluster; ` +
            `${others[0].remote}: connection refused; ${others[1].remote}: connection refused; ` +
            "see ovs-appctl cluster/status OVN_Southbound on the members",
        ),
      ),
    });
    // What was known is still there.
    await inventory.expectDump(dump);
    await others[0].start();
    await reached(link, "connected");
    await inventory.expectDump(change([lonely, others[0]], random, 3));
  });

  test("is asked for its leader, and for the right cluster", async () => {
    const cluster = await startCluster();
    const leader = cluster.find(({ isLeader }) => isLeader) as ClusterMember;
    const others = cluster.filter((member) => member !== leader);
    const { link } = await follow(remoteOf([...others, leader]), { leaderOnly: true });
    expect(link.remote).toBe(leader.remote);
    await expect(follow(remoteOf(others), { leaderOnly: true, connectTimeout: 10 })).rejects.toMatchObject({
      code: "ERR_SB_CLUSTER",
      message: expect.stringContaining("the server is not the leader of its cluster"),
    });
    const cid = /^Cluster ID: .*\(([-0-9a-f]+)\)$/m.exec(leader.status())?.[1] as string;
    const { inventory } = await follow(`cid:${cid},${leader.remote}`);
    expect(inventory.datapaths(NOW)).toEqual([]);
    const other = cid.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    await expect(follow(`cid:${other},${leader.remote}`)).rejects.toMatchObject({
      code: "ERR_SB_DATABASE",
      message: expect.stringContaining(`the server belongs to cluster ${cid}`),
    });
  });
});
