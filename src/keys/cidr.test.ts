import { BlockList, isIPv4 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalNetwork, isPartOf, isWithin } from "./cidr.ts";

test.each([
  ["192.0.2.0/24", "192.0.2.0/24"],
  ["192.0.2.7", "192.0.2.7/32"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["2001:DB8::/32", "2001:db8:0:0:0:0:0:0/32"],
  ["::1", "0:0:0:0:0:0:0:1/128"],
  ["::/0", "0:0:0:0:0:0:0:0/0"],
  // Mapped: the same caller, whichever way the address came.
  ["::ffff:192.0.2.0/120", "192.0.2.0/24"],
  ["::ffff:c000:207", "192.0.2.7/32"],
])("%s is the network %s", (text, network) => {
  expect(canonicalNetwork(text)).toBe(network);
});

test.each([
  "192.0.2.1/24",
  "192.0.2.0/33",
  "192.0.2.0/-1",
  "192.0.2.0/",
  "192.0.2.0/024",
  "192.0.2.0/24/1",
  "192.0.2",
  "192.0.2.256",
  "010.0.0.0/8",
  "2001:db8::1/64",
  "2001:db8::/129",
  "::ffff:192.0.2.0/24",
  "1::2::3/128",
  "fe80::1%eth0",
  "",
  "/0",
  "any",
  "192.0.2.0/24 ",
  "１92.0.2.0",
])("%j is no network", (text) => {
  expect(canonicalNetwork(text)).toBeNull();
});

const v4 = fc.ipV4();
const v6 = fc.ipV6().filter((text) => !/^(0+:)*:?:?ffff:/i.test(text) && !text.includes("."));

test("an address lies in a network exactly where Node's own block list says so, both families", () => {
  const near = fc.tuple(fc.oneof(v4, v6), fc.nat(128), fc.nat(127)).map(([address, bits, flip]) => {
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    return { address, family, bits: bits % (family === "ipv4" ? 33 : 129), flip } as const;
  });
  fc.assert(
    fc.property(near, fc.oneof(v4, v6), ({ address, family, bits }, stranger) => {
      const list = new BlockList();
      list.addSubnet(address, bits, family);
      const network = networkAt(address, bits);
      expect(isWithin(address, [network])).toBe(true);
      const strangers = isIPv4(stranger) ? "ipv4" : "ipv6";
      // Node counts mapped addresses as both; ours are IPv4.
      if (strangers === family) expect(isWithin(stranger, [network])).toBe(list.check(stranger, family));
      else expect(isWithin(stranger, [network])).toBe(false);
      for (let wider = 0; wider <= bits; wider += 7) expect(isPartOf(network, [networkAt(address, wider)])).toBe(true);
      if (bits > 0) expect(isPartOf(networkAt(address, bits - 1), [network])).toBe(false);
    }),
  );
});

test("the address just outside is outside; a mapped one is inside; none and nonsense are nowhere", () => {
  const office = ["192.0.2.128/25", "2001:db8:1::/48"];
  for (const inside of ["192.0.2.128", "192.0.2.255", "::ffff:192.0.2.130", "2001:db8:1:ffff::9"]) {
    expect(isWithin(inside, office), inside).toBe(true);
  }
  for (const outside of ["192.0.2.127", "192.0.3.0", "2001:db8:2::", "::c000:280", "", "localhost", null]) {
    expect(isWithin(outside, office), String(outside)).toBe(false);
  }
  expect(isPartOf("192.0.2.0/24", office)).toBe(false);
  expect(isPartOf("0:0:0:0:0:0:0:0/0", ["0.0.0.0/0"])).toBe(false);
  expect(isWithin("192.0.2.128", [])).toBe(false);
});

/** The network of so many bits around an address, in the spelling that is stored. */
function networkAt(address: string, bits: number): string {
  const [spelled = ""] = (canonicalNetwork(address) ?? "").split("/");
  const v4 = spelled.includes(".");
  const width = v4 ? 8 : 16;
  const parts = spelled.split(v4 ? "." : ":").map((part) => Number.parseInt(part, v4 ? 10 : 16));
  const cut = parts.map((part, at) => {
    const kept = Math.min(width, Math.max(0, bits - at * width));
    return part & ~((1 << (width - kept)) - 1);
  });
  return `${cut.map((part) => part.toString(v4 ? 10 : 16)).join(v4 ? "." : ":")}/${bits}`;
}
