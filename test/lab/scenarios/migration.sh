# shellcheck shell=bash
title='vm4 moves from hv1 to hv2 and back while vm1 and vm3 ping it'
topology=basic
shows='While vm4 is on worker1 the pings of vm3 (worker2) cross the tunnel, while it is on worker2 those of
vm1 (worker1) do. Each move pauses vm4 for a second. `sb.db` has the moves: the chassis of the
Port_Binding vm4 changes at a `_date` on the clock of the packets.'

prepare() {
  vm_port network1 vm4 '40:44:00:00:00:08 192.168.0.14'
  plug vm4 hv1 40:44:00:00:00:08 192.168.0.14/24 192.168.0.1
  wait_ports_up vm4
  wait_ping vm1 192.168.0.14
  wait_ping vm3 192.168.0.14
}

replies() { grep -c 'bytes from' "$LAB_STATE/run/$1.ping.out"; }
more_replies() { (($(replies "$1") >= $2)); }
# Eight more answers for each.
ping_on() {
  local name target
  for name in vm1 vm3; do
    target=$(($(replies "$name" || true) + 8))
    wait_for "vm4 to answer $name" more_replies "$name" "$target"
  done
}

move() {
  unplug vm4 "$1"
  sleep 1 # the guest is paused
  plug vm4 "$2" 40:44:00:00:00:08 192.168.0.14/24 192.168.0.1
  wait_bound vm4 "$2"
}

play() {
  local one three
  vm_start vm1 ping -n -i 0.2 192.168.0.14
  one=$VM_PID
  vm_start vm3 ping -n -i 0.2 192.168.0.14
  three=$VM_PID
  ping_on
  move hv1 hv2
  ping_on
  move hv2 hv1
  ping_on
  end_pids "$one" "$three"
}

check() {
  expect_some hv2 16 'udp dst port 6081 and src host 10.127.0.4 and udp[22:2] = 4'
  expect_some hv1 8 'udp dst port 6081 and src host 10.127.0.3 and udp[22:2] = 4'
}
