/* The names that cloud management systems leave in external_ids, in the forms their sources write. */
import { describe, expect, test } from "vitest";
import { friendlyDatapath, friendlyPort } from "../../src/southbound/friendly.js";

const ids = (object: Record<string, string>) => new Map(Object.entries(object));
const port = (name: string, externalIds: Record<string, string>) => friendlyPort(name, ids(externalIds));
const datapath = (name: string | null, externalIds: Record<string, string>) =>
  friendlyDatapath(name, ids(externalIds));

describe("a port", () => {
  const neutronPort = "6cb4e3ad-79f4-4b73-9d24-6c9f3d1c1a55";

  test("of Neutron has the name its owner gave it", () => {
    const externalIds = {
      "neutron:cidrs": "10.0.0.12/24",
      "neutron:device_id": "9c0e7f2e-61ab-4a1c-8a0c-7a5b8a3a2f10",
      "neutron:device_owner": "compute:nova",
      "neutron:network_name": "neutron-2f1c9d1e-6a55-4e1d-8d9c-0b1f7e2f0a11",
      "neutron:port_name": "web-1",
      "neutron:revision_number": "4",
      name: "web-1",
    };
    expect(port(neutronPort, externalIds)).toEqual({ name: "web-1", cms: "neutron", isShared: false });
  });

  test("of Neutron without a name is not called by its network, which is no name either", () => {
    expect(port(neutronPort, { "neutron:port_name": "", "neutron:network_name": "neutron-2f1c" })).toBe(null);
  });

  test("of an old ovn-northd has nothing but the name", () => {
    expect(port(neutronPort, { name: "web-1" })).toEqual({ name: "web-1", cms: "ovn", isShared: false });
    expect(port(neutronPort, { name: "" })).toBe(null);
  });

  test("of oVirt has its VM's name for the NIC, which other VMs' NICs have, too", () => {
    const externalIds = {
      ovirt_device_id: "0d3f",
      ovirt_device_owner: "oVirt",
      ovirt_nic_name: "nic1",
      ovirt_security_groups: "",
    };
    expect(port("9a8b", externalIds)).toEqual({ name: "nic1", cms: "ovirt", isShared: true });
  });

  test.each([
    // name, namespace, network attachment
    ["shop_web-0", "shop", undefined, "shop/web-0"],
    [
      "kube-system_coredns-5d78c9869d-abcde",
      "kube-system",
      undefined,
      "kube-system/coredns-5d78c9869d-abcde",
    ],
    ["shop.blue_shop_web-0", "shop", "shop/blue", "shop/web-0@shop/blue"],
    // Not of the form that ovn-kubernetes writes: better the logical name than a guess.
    ["shop_web-0", "other", undefined, null],
    ["x_shop_web-0", "shop", undefined, null],
    ["web-0", "shop", undefined, null],
    ["shop_", "shop", undefined, null],
    ["shop_web-0", "", undefined, null],
  ])("of ovn-kubernetes: %s in namespace %s, attachment %s", (name, namespace, nad, expected) => {
    const externalIds = {
      pod: "true",
      namespace,
      ...(nad === undefined ? {} : { "k8s.ovn.org/nad": nad, "k8s.ovn.org/network": "blue" }),
    };
    expect(port(name, externalIds)?.name ?? null).toBe(expected);
    if (expected !== null) expect(port(name, externalIds)?.cms).toBe("ovn-kubernetes");
  });

  test.each([
    ["web-0.shop", "shop/web-0", "shop/web-0"],
    ["web-0.shop.attach.shop.ovn", "shop/web-0", "shop/web-0@attach.shop.ovn"],
    ["web.0.shop", "shop/web.0", "shop/web.0"],
    ["web-1.shop", "shop/web-0", null],
    ["web-0.shops", "shop/web-0", null],
    ["web-0.shop.", "shop/web-0", null],
    ["web-0.shop", "shop", null],
    ["web-0.shop", "a/shop/web-0", null],
  ])("of Kube-OVN: %s, pod %s", (name, pod, expected) => {
    const found = port(name, { ls: "ovn-default", pod, vendor: "kube-ovn" });
    expect(found).toEqual(expected === null ? null : { name: expected, cms: "kube-ovn", isShared: false });
  });

  test("of routers, nodes and others is known by its logical name", () => {
    expect(port("node-worker1", { vendor: "kube-ovn", ls: "join" })).toBe(null);
    expect(port("stor-worker1", {})).toBe(null);
    expect(port("lrp-1", { "neutron:router_name": "neutron-8a", "neutron:network_name": "neutron-2f" })).toBe(
      null,
    );
    expect(port("incus-net3-instance-5c1e-eth0", { incus_switch: "incus-net3-ls-int" })).toBe(null);
  });
});

describe("a datapath", () => {
  test("of Neutron: name2 in the southbound, its source in the northbound", () => {
    const expected = { name: "blue", cms: "neutron", isShared: false };
    expect(datapath("neutron-2f", { name: "neutron-2f", name2: "blue" })).toEqual(expected);
    expect(datapath("neutron-2f", { "neutron:network_name": "blue", "neutron:mtu": "1442" })).toEqual(
      expected,
    );
    expect(datapath("neutron-8a", { "neutron:router_name": "edge" })?.name).toBe("edge");
    expect(datapath("neutron-2f", { "neutron:network_name": "" })).toBe(null);
  });

  test("of oVirt: the network's name", () => {
    expect(datapath("ovirt-blue-2f", { ovirt_network_name: "blue" })?.name).toBe("blue");
  });

  test("of ovn-kubernetes: the network's, where it has but one switch", () => {
    const externalIds = { "k8s.ovn.org/network": "shop/blue", "k8s.ovn.org/topology": "layer2" };
    expect(datapath("shop.blue_ovn_layer2_switch", externalIds)?.name).toBe("shop/blue");
    expect(datapath("shop.blue_ovn_localnet_switch", externalIds)?.name).toBe("shop/blue");
    expect(datapath("shop.blue_worker1", externalIds)).toBe(null);
    expect(datapath("GR_shop.blue_worker1", externalIds)).toBe(null);
    expect(datapath(null, externalIds)).toBe(null);
  });

  test("of anybody else: none", () => {
    expect(datapath("ovn-default", { name: "ovn-default", "logical-switch": "0f" })).toBe(null);
  });
});
