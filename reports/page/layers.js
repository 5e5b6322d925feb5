"use strict";

// layersOf says what is in the first bytes of a packet, layer by layer, as far as nothing is encrypted.
const layersOf = (b) => {
  const layers = [];
  const add = (name, fields) => layers.push({ name, fields });
  const u16 = (i) => (b[i] << 8) | b[i + 1];
  const u32 = (i) => ((b[i] << 24) | (b[i + 1] << 16) | (b[i + 2] << 8) | b[i + 3]) >>> 0;
  const hex = (from, to) => [...b.slice(from, to)].map((x) => x.toString(16).padStart(2, "0")).join("");
  const text = (from, to) => new TextDecoder().decode(b.slice(from, to));
  const v4 = (i) => b.slice(i, i + 4).join(".");
  const v6 = (i) => [0, 2, 4, 6, 8, 10, 12, 14].map((k) => u16(i + k).toString(16)).join(":");
  if (b.length < 20) return layers;

  let at, proto, end;
  if (b[0] >> 4 === 4) {
    at = (b[0] & 15) * 4; proto = b[9]; end = u16(2);
    add("IPv4", { source: v4(12), destination: v4(16), "time to live": b[8], length: end + " bytes" });
  } else {
    at = 40; proto = b[6]; end = 40 + u16(4);
    add("IPv6", { source: v6(8), destination: v6(24), "hop limit": b[7], length: end + " bytes" });
  }
  if (proto === 1 || proto === 58) {
    add("ICMP", { type: b[at], code: b[at + 1] });
    return layers;
  }
  const ports = [u16(at), u16(at + 2)];
  if (proto === 17) {
    add("UDP", { "source port": ports[0], "destination port": ports[1], length: u16(at + 4) + " bytes" });
    at += 8;
  } else if (proto === 6) {
    const names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"].filter((_, i) => b[at + 13] & (1 << i));
    add("TCP", { "source port": ports[0], "destination port": ports[1], sequence: u32(at + 4), acknowledges: u32(at + 8), flags: names.join(" "), window: u16(at + 14) });
    at += (b[at + 12] >> 4) * 4;
  } else return layers;
  const size = end - at;
  if (size <= 0 || at >= b.length) return layers;

  const stun = (i) => {
    const type = u16(i);
    const method = (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80);
    const kinds = ["request", "indication", "success", "error"];
    const methods = { 1: "Binding", 3: "Allocate", 4: "Refresh", 6: "Send", 7: "Data", 8: "CreatePermission", 9: "ChannelBind" };
    const fields = { message: `${methods[method] ?? "method " + method} ${kinds[((type >> 4) & 1) | ((type >> 7) & 2)]}`, transaction: hex(i + 8, i + 20) };
    const names = {
      1: "MAPPED-ADDRESS", 6: "USERNAME", 8: "MESSAGE-INTEGRITY", 9: "ERROR-CODE", 0xc: "CHANNEL-NUMBER", 0xd: "LIFETIME", 0x12: "XOR-PEER-ADDRESS",
      0x13: "DATA", 0x14: "REALM", 0x15: "NONCE", 0x16: "XOR-RELAYED-ADDRESS", 0x19: "REQUESTED-TRANSPORT", 0x1a: "DONT-FRAGMENT", 0x20: "XOR-MAPPED-ADDRESS",
      0x24: "PRIORITY", 0x25: "USE-CANDIDATE", 0x8022: "SOFTWARE", 0x8028: "FINGERPRINT", 0x8029: "ICE-CONTROLLED", 0x802a: "ICE-CONTROLLING",
    };
    for (let k = i + 20; k + 4 <= Math.min(b.length, i + 20 + u16(i + 2));) {
      const kind = u16(k), length = u16(k + 2), from = k + 4, to = Math.min(from + length, b.length);
      let value = length + " bytes";
      if ([6, 0x14, 0x8022].includes(kind)) value = text(from, to);
      else if (kind === 9 && to - from >= 4) value = `${b[from + 2] * 100 + b[from + 3]} ${text(from + 4, to)}`;
      else if (kind === 0xd) value = u32(from) + " s";
      else if (kind === 0xc) value = "0x" + u16(from).toString(16);
      else if (kind === 0x19) value = { 6: "TCP", 17: "UDP" }[b[from]] ?? b[from];
      else if ([0x12, 0x16, 0x20].includes(kind) && b[from + 1] === 1) {
        value = [0, 1, 2, 3].map((n) => b[from + 4 + n] ^ [0x21, 0x12, 0xa4, 0x42][n]).join(".") + ":" + (u16(from + 2) ^ 0x2112);
      }
      fields[names[kind] ?? "attribute 0x" + kind.toString(16)] = value;
      k = from + length + ((4 - (length % 4)) % 4);
    }
    add(method > 1 ? "TURN" : "STUN", fields);
  };
  const first = b[at];
  if (first < 4 && size >= 20 && u32(at + 4) === 0x2112a442) stun(at);
  else if (first >= 0x40 && first <= 0x4f && size >= 4) {
    add("TURN ChannelData", { channel: "0x" + u16(at).toString(16), length: u16(at + 2) + " bytes" });
    const inner = at + 4;
    if (inner + 8 <= b.length && b[inner] < 4 && u32(inner + 4) === 0x2112a442) stun(inner);
    else if (b[inner] >= 20 && b[inner] <= 63) add("DTLS", { record: b[inner], note: "within the channel" });
    else if (b[inner] >> 6 === 2) add("SRTP", { "payload type": b[inner + 1] & 127, sequence: u16(inner + 2), timestamp: u32(inner + 4), note: "encrypted" });
  } else if (proto === 6 && first >= 20 && first <= 23 && b[at + 1] === 3) {
    const kinds = { 20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data, encrypted" };
    const fields = { record: kinds[first], length: u16(at + 3) + " bytes" };
    if (first === 22) fields.handshake = { 1: "ClientHello", 2: "ServerHello", 11: "Certificate" }[b[at + 5]] ?? "type " + b[at + 5];
    add("TLS", fields);
  } else if (proto === 17 && first >= 20 && first <= 63) {
    add("DTLS", { record: { 20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data" }[first] ?? first, epoch: u16(at + 3) });
  } else if (proto === 17 && first >> 6 === 2) {
    add(b[at + 1] >= 192 && b[at + 1] <= 223 ? "SRTCP" : "SRTP", { "payload type": b[at + 1] & 127, sequence: u16(at + 2), timestamp: u32(at + 4), note: "encrypted" });
  } else if (ports.includes(53)) {
    const labels = [];
    for (let k = at + 12 + (proto === 6 ? 2 : 0); k < b.length && b[k] && b[k] < 64; k += b[k] + 1) labels.push(text(k + 1, k + 1 + b[k]));
    add("DNS", { [b[at + 2] & 128 ? "answer" : "question"]: labels.join(".") });
  } else add("Data", { length: size + " bytes" });
  return layers;
};

// hexDump is the bytes in rows of 16, with their letters.
const hexDump = (b) => {
  let out = "";
  for (let i = 0; i < b.length; i += 16) {
    const row = [...b.slice(i, i + 16)];
    out += i.toString(16).padStart(4, "0") + "  " + row.map((x) => x.toString(16).padStart(2, "0")).join(" ").padEnd(48) + "  " +
      row.map((x) => (x > 31 && x < 127 ? String.fromCharCode(x) : ".")).join("") + "\n";
  }
  return out;
};
