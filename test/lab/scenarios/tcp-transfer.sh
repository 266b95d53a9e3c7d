# shellcheck shell=bash
title='a TCP transfer of 200 kB from vm1 to vm2'
topology=basic
shows='Full-size segments through the router: the guests'"'"' MTU is 1442, so the largest outer packet is exactly the
1500 bytes of the underlay, and nothing is fragmented.'

prepare() { wait_ping vm1 192.168.1.12; }

play() {
  vm_start vm2 iperf3 -s -1
  wait_for 'iperf3 on vm2' listening vm2 5201
  # Paced: iperf3 ends when the last byte is sent, received or not.
  vm vm1 iperf3 -c 192.168.1.12 -b 10M -l 8K -n 200K
  end_pids "$VM_PID"
}

check() {
  expect_some hv1 120 'udp dst port 6081 and src host 10.127.0.3 and ip[2:2] = 1500'
  expect_both 0 'ip[6:2] & 0x3fff != 0' # no fragments
}
