/*
 * Names people know, out of the external_ids that cloud management systems (CMS) write. ovn-northd copies those
 * of a Logical_Switch_Port to its Port_Binding, where older releases keep the port's name only, as `name`; of a
 * switch or router it copies but one name, as `name2` (ovn-sb(5); northd.c, en-datapath-logical-switch.c).
 *
 *   port              external_ids                      the name               written by
 *   Neutron           neutron:port_name                 itself                 neutron/common/ovn/constants.py
 *   oVirt             ovirt_nic_name                    itself: the VM's NIC   ovirt-provider-ovn
 *                                                                              neutron_api_mappers.py
 *   Kube-OVN          pod = NAMESPACE/POD               NAMESPACE/POD, with    kube-ovn
 *                     logical_port                      @PROVIDER on further   pkg/ovs/ovn-nb-logical_switch_port.go,
 *                       = POD.NAMESPACE[.PROVIDER]      networks               pkg/ovs/util.go PodNameToPortName
 *   ovn-kubernetes    pod = true, namespace             NAMESPACE/POD, with    ovn-kubernetes go-controller
 *                     logical_port                      @k8s.ovn.org/nad on    pkg/ovn/base_network_controller_pods.go,
 *                       = [NAD_]NAMESPACE_POD           further networks       pkg/util/util.go composePortName
 *   any               name                              itself                 ovn-sb(5)
 *
 *   datapath          external_ids                      the name
 *   Neutron           name2 (southbound)                itself
 *                     neutron:network_name,             itself                 ovn_client.py
 *                     neutron:router_name (northbound)
 *   oVirt             ovirt_network_name (northbound)   itself                 neutron_api_mappers.py
 *   ovn-kubernetes    k8s.ovn.org/network (northbound)  itself, for the one    pkg/util/util.go
 *                     name = ..._ovn_layer2_switch      switch of a network    GenerateExternalIDsForSwitchOrRouter,
 *                       or ..._ovn_localnet_switch      that has one           pkg/types/const.go
 *
 * All else (ports of routers, nodes, localnet; switches and routers of ovn-kubernetes' default network, of
 * Kube-OVN and of Incus, which are named after what they are) is known by its logical name, and null here.
 */

/** Who wrote the name. `ovn`: the key is OVN's own and any CMS may have. */
export type NamingSystem = "neutron" | "ovirt" | "kube-ovn" | "ovn-kubernetes" | "ovn";

export interface FriendlyName {
  /** As stored: may hold any character, escape before printing. Never empty. */
  readonly name: string;
  readonly cms: NamingSystem;
  /**
   * True where many have it by design, as `nic1` is the first NIC of most VMs of oVirt: to be shown with the
   * logical name only.
   */
  readonly isShared: boolean;
}

type Pairs = ReadonlyMap<string, string>;

/** The name of the logical port `logicalPort` by its external_ids, southbound or northbound; null for none. */
export function friendlyPort(logicalPort: string, externalIds: Pairs): FriendlyName | null {
  if (externalIds.size === 0) return null;
  return (
    named("neutron", externalIds.get("neutron:port_name")) ??
    named("ovirt", externalIds.get("ovirt_nic_name"), true) ??
    pod(logicalPort, externalIds) ??
    named("ovn", externalIds.get("name"))
  );
}

/**
 * The name of the switch or router `logicalName` by the external_ids of its Datapath_Binding, or by those of its
 * northbound row; null for none.
 */
export function friendlyDatapath(logicalName: string | null, externalIds: Pairs): FriendlyName | null {
  return (
    named("neutron", externalIds.get("name2")) ??
    named("neutron", externalIds.get("neutron:network_name")) ??
    named("neutron", externalIds.get("neutron:router_name")) ??
    named("ovirt", externalIds.get("ovirt_network_name")) ??
    network(logicalName, externalIds)
  );
}

function named(cms: NamingSystem, name: string | undefined, isShared = false): FriendlyName | null {
  return name === undefined || name === "" ? null : { name, cms, isShared };
}

function pod(logicalPort: string, externalIds: Pairs): FriendlyName | null {
  const value = externalIds.get("pod");
  if (value === undefined) return null;
  return value === "true" ? ovnKubernetesPod(logicalPort, externalIds) : kubeOvnPod(logicalPort, value);
}

/** Neither namespaces, pods nor network attachments may hold an underscore (Kubernetes' object names). */
function ovnKubernetesPod(logicalPort: string, externalIds: Pairs): FriendlyName | null {
  const namespace = externalIds.get("namespace");
  const end = logicalPort.lastIndexOf("_");
  const before = logicalPort.slice(0, Math.max(end, 0));
  const podName = logicalPort.slice(end + 1);
  if (!namespace || podName === "") return null;
  if (before === namespace) return named("ovn-kubernetes", `${namespace}/${podName}`);
  const nad = externalIds.get("k8s.ovn.org/nad");
  if (!before.endsWith(`_${namespace}`) || !nad) return null;
  return named("ovn-kubernetes", `${namespace}/${podName}@${nad}`);
}

function kubeOvnPod(logicalPort: string, value: string): FriendlyName | null {
  const [namespace, podName, ...more] = value.split("/");
  if (!namespace || !podName || more.length > 0) return null;
  const name = `${podName}.${namespace}`;
  if (logicalPort === name) return named("kube-ovn", value);
  // The ports of further networks have the same external_ids.
  const provider = logicalPort.startsWith(`${name}.`) ? logicalPort.slice(name.length + 1) : "";
  return provider === "" ? null : named("kube-ovn", `${value}@${provider}`);
}

function network(logicalName: string | null, externalIds: Pairs): FriendlyName | null {
  if (logicalName === null || !/_ovn_(layer2|localnet)_switch$/.test(logicalName)) return null;
  return named("ovn-kubernetes", externalIds.get("k8s.ovn.org/network"));
}
