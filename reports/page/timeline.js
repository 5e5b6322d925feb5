"use strict";

// The whole timeline of a case: a lane for each machine, time from left to right. T is what timeline.js brought.
(() => {
  const root = document.getElementById("timeline");
  if (!root) return;
  const T = window.proxyspecEvents;
  if (!T) {
    root.querySelector(".absent").hidden = false;
    root.querySelector(".present").hidden = true;
    return;
  }
  const [SEQ, AT, KIND, ACTOR, NAME, PROTO, FROM, TO, LENGTH, FLAGS, VERDICT, RULE, PURPOSE, WORDS, CODE, HEAD] = [...Array(16).keys()];
  const t = (row, i) => T.texts[row[i] ?? 0];
  const host = (end) => {
    const a = end.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    return T.hosts[a] ?? a;
  };
  const port = (end) => +end.slice(end.lastIndexOf(":") + 1);
  const clock = (us) => (us >= 60e6 ? Math.floor(us / 60e6) + ":" + ((us % 60e6) / 1e6).toFixed(3).padStart(6, "0") : (us / 1e6).toFixed(3));
  const bytes = (n) => (n < 1000 ? n + " B" : (n / 1000).toFixed(1) + " kB");
  const isPacket = (r) => t(r, KIND) === "packet";
  const stopped = (r) => ["drop", "reject"].includes(t(r, VERDICT));
  const says = (r) => {
    if (isPacket(r)) {
      const verdict = { allow: "allowed", drop: "dropped", reject: "rejected" }[t(r, VERDICT)] ?? "";
      return [`${t(r, PROTO)} ${host(t(r, FROM))} → ${host(t(r, TO))}:${port(t(r, TO))}`, t(r, FLAGS), bytes(r[LENGTH]), t(r, PURPOSE),
        verdict && verdict + " by " + t(r, RULE), t(r, WORDS)].filter(Boolean).join(", ");
    }
    const what = { step: "", call: " calls", result: ":", notice: " says", proxy: " logs", sdrtn: " logs", server: " logs", world: "" }[t(r, KIND)] ?? "";
    if (t(r, KIND) === "step") return t(r, WORDS);
    return [t(r, ACTOR) + what + " " + t(r, NAME), t(r, CODE), t(r, WORDS)].filter(Boolean).join(": ");
  };
  const tone = (r) => {
    if (stopped(r) || t(r, CODE)) return "--fail";
    return { packet: "--pass", step: "--ink", call: "--p1", result: "--p1", notice: "--p1", proxy: "--p3", sdrtn: "--p4" }[t(r, KIND)] ?? "--soft";
  };

  // Lanes stand as the packets travel: from the client to the far end.
  const place = (name) => {
    const order = ["alice", "", "firewall", "edge", "relay", "production", "gateway"];
    const i = order.indexOf(name.split("-")[0]);
    if (i >= 0) return i;
    const inside = Object.entries(T.hosts).some(([a, n]) => n === name && a.startsWith("10."));
    return inside || /^10\./.test(name) ? 1 : 7;
  };
  const names = new Set();
  for (const r of T.rows) {
    if (["step", "world"].includes(t(r, KIND))) continue;
    if (t(r, ACTOR) !== "suite") names.add(t(r, ACTOR));
    if (r[FROM]) names.add(host(t(r, FROM)));
    if (r[TO]) names.add(host(t(r, TO)));
  }
  const lanes = [...names].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  const lane = new Map(lanes.map((n, i) => [n, i]));

  const canvas = root.querySelector("canvas.lanes"), rates = root.querySelector("canvas.rates");
  const list = root.querySelector(".events"), inner = list.firstElementChild, detail = root.querySelector(".detail");
  const search = root.querySelector("input");
  const GUTTER = 120, ROW = 26, LINE = 24;
  const last = Math.max(1000, ...(T.rows.length ? [T.rows[T.rows.length - 1][AT]] : []));
  let view = [0, last * 1.02], shown = T.rows, selected = -1;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const x = (us) => GUTTER + ((us - view[0]) / (view[1] - view[0])) * (canvas.clientWidth - GUTTER - 12);
  const us = (px) => view[0] + ((px - GUTTER) / (canvas.clientWidth - GUTTER - 12)) * (view[1] - view[0]);
  const y = (name) => 14 + ROW * (lane.get(name) ?? 0) + ROW / 2;
  const ready = (c, height) => {
    const scale = devicePixelRatio || 1;
    c.style.height = height + "px";
    c.width = c.clientWidth * scale;
    c.height = height * scale;
    const g = c.getContext("2d");
    g.scale(scale, scale);
    g.font = "12px " + css("--sans");
    g.textBaseline = "middle";
    return g;
  };
  const niceStep = (span) => {
    const raw = span / 8, power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  };
  const axis = (g, height) => {
    g.strokeStyle = css("--line"); g.fillStyle = css("--soft"); g.textAlign = "center";
    for (let step = niceStep(view[1] - view[0]), at = Math.ceil(view[0] / step) * step; at <= view[1]; at += step) {
      g.beginPath(); g.moveTo(x(at), 0); g.lineTo(x(at), height - 18); g.stroke();
      g.fillText(clock(at), x(at), height - 8);
    }
  };

  const drawLanes = () => {
    const height = 14 + ROW * lanes.length + 24, g = ready(canvas, height), colors = {};
    axis(g, height);
    g.textAlign = "right";
    for (const n of lanes) {
      g.fillStyle = css(n === "firewall" ? "--fail" : "--ink"); g.fillText(n, GUTTER - 10, y(n));
      g.strokeStyle = css("--line"); g.lineWidth = n === "firewall" ? 3 : 1;
      g.beginPath(); g.moveTo(GUTTER, y(n)); g.lineTo(canvas.clientWidth, y(n)); g.stroke();
    }
    const draw = (r, strong) => {
      const at = x(r[AT]);
      if (at < GUTTER - 4 || at > canvas.clientWidth + 4) return;
      const color = (colors[tone(r)] ??= css(tone(r)));
      g.strokeStyle = g.fillStyle = color; g.globalAlpha = strong ? 1 : 0.7; g.lineWidth = strong ? 3 : 1.2;
      if (t(r, KIND) === "step") {
        g.setLineDash([3, 3]); g.beginPath(); g.moveTo(at, 4); g.lineTo(at, height - 20); g.stroke(); g.setLineDash([]);
        return;
      }
      if (isPacket(r) && r[FROM] && r[TO]) {
        const from = y(host(t(r, FROM))), wall = y("firewall"), to = stopped(r) ? wall : y(host(t(r, TO))), sign = Math.sign(to - from) || 1;
        g.beginPath(); g.moveTo(at, from); g.lineTo(at, to); g.stroke();
        g.beginPath();
        if (stopped(r)) { g.moveTo(at - 4, to - 4); g.lineTo(at + 4, to + 4); g.moveTo(at + 4, to - 4); g.lineTo(at - 4, to + 4); g.lineWidth = 2; g.stroke(); }
        else { g.moveTo(at, to); g.lineTo(at - 3, to - 6 * sign); g.lineTo(at + 3, to - 6 * sign); g.fill(); }
        return;
      }
      if (!lane.has(t(r, ACTOR))) return;
      g.beginPath(); g.arc(at, y(t(r, ACTOR)), strong ? 6 : 4, 0, 7); g.fill();
    };
    for (const r of shown) draw(r, false);
    if (selected >= 0) draw(shown[selected], true);
    g.globalAlpha = 1;
  };

  // How much each path carried over time: the five that carried most.
  const paths = new Map();
  for (const r of T.rows) {
    if (!isPacket(r) || t(r, ACTOR) !== "firewall" || stopped(r)) continue;
    const key = `${host(t(r, FROM))} → ${host(t(r, TO))} ${t(r, PROTO)} ${Math.min(port(t(r, FROM)), port(t(r, TO)))}`;
    if (!paths.has(key)) paths.set(key, { key, rows: [], total: 0 });
    paths.get(key).rows.push(r);
    paths.get(key).total += r[LENGTH];
  }
  const busiest = [...paths.values()].sort((a, b) => b.total - a.total).slice(0, 5);
  const tones = ["--p1", "--p3", "--p4", "--p2", "--pass"];
  const drawRates = () => {
    const height = 150, g = ready(rates, height), width = rates.clientWidth - GUTTER - 12, bins = Math.max(10, Math.floor(width / 6));
    axis(g, height);
    const bin = (view[1] - view[0]) / bins;
    const sums = busiest.map((p) => {
      const s = new Float64Array(bins);
      for (const r of p.rows) { const i = Math.floor((r[AT] - view[0]) / bin); if (i >= 0 && i < bins) s[i] += r[LENGTH]; }
      return s;
    });
    const top = Math.max(1, ...sums.map((s) => Math.max(...s)));
    const rate = (top * 8) / (bin / 1e6);
    g.textAlign = "right"; g.fillStyle = css("--soft");
    g.fillText(rate >= 1e6 ? (rate / 1e6).toFixed(1) + " Mbit/s" : (rate / 1e3).toFixed(0) + " kbit/s", GUTTER - 10, 14);
    g.fillText("0", GUTTER - 10, height - 20);
    sums.forEach((s, k) => {
      g.strokeStyle = css(tones[k]); g.lineWidth = 1.6; g.beginPath();
      s.forEach((v, i) => g.lineTo(GUTTER + ((i + 0.5) * width) / bins, height - 20 - (v / top) * (height - 34)));
      g.stroke();
    });
  };
  root.querySelector(".legend").replaceChildren(...busiest.map((p, k) => {
    const item = document.createElement("span"), swatch = document.createElement("i");
    swatch.style.background = `var(${tones[k]})`;
    item.append(swatch, `${p.key} · ${bytes(p.total)}`);
    return item;
  }));

  const drawList = () => {
    inner.style.height = shown.length * LINE + "px";
    // The lines that are there hold the list open until they are replaced.
    const top = Math.min(list.scrollTop, Math.max(0, shown.length * LINE - list.clientHeight));
    const from = Math.max(0, Math.floor(top / LINE) - 4), to = Math.min(shown.length, from + Math.ceil(list.clientHeight / LINE) + 8);
    inner.replaceChildren(...shown.slice(from, to).map((r, k) => {
      const line = document.createElement("div"), i = from + k;
      line.className = "event" + (i === selected ? " selected" : "") + (t(r, KIND) === "step" ? " step" : "");
      line.id = "event-" + i;
      line.role = "option";
      line.setAttribute("aria-selected", i === selected);
      line.style.transform = `translateY(${i * LINE}px)`;
      line.style.color = `var(${tone(r)})`;
      line.textContent = `#${r[SEQ]}  ${clock(r[AT])}  ${says(r)}`;
      line.onclick = () => select(i);
      return line;
    }));
    list.setAttribute("aria-activedescendant", selected >= 0 ? "event-" + selected : "");
    root.querySelector(".showing").textContent = `${shown.length} of ${T.rows.length} events`;
  };

  const select = (i) => {
    if (!shown.length) return;
    selected = Math.max(0, Math.min(shown.length - 1, i));
    const r = shown[selected], parts = [];
    const el = (tag, text) => { const e = document.createElement(tag); e.textContent = text; parts.push(e); return e; };
    el("h4", `#${r[SEQ]} at ${clock(r[AT])} s`);
    el("p", says(r));
    if (r[HEAD]) {
      const b = Uint8Array.from(atob(r[HEAD]), (c) => c.charCodeAt(0));
      for (const l of layersOf(b)) {
        el("h5", l.name);
        const dl = document.createElement("dl");
        for (const [name, value] of Object.entries(l.fields)) {
          const dt = document.createElement("dt"), dd = document.createElement("dd");
          dt.textContent = name; dd.textContent = value;
          dl.append(dt, dd);
        }
        parts.push(dl);
      }
      el("h5", b.length < r[LENGTH] ? `The first ${b.length} of ${r[LENGTH]} bytes` : "Bytes");
      el("pre", hexDump(b));
    }
    detail.replaceChildren(...parts);
    const topOf = selected * LINE;
    if (topOf < list.scrollTop || topOf > list.scrollTop + list.clientHeight - LINE) list.scrollTop = topOf - list.clientHeight / 2;
    if (r[AT] < view[0] || r[AT] > view[1]) { const w = view[1] - view[0]; view = [r[AT] - w / 2, r[AT] + w / 2]; }
    draw();
  };
  const draw = () => { drawLanes(); drawRates(); drawList(); };
  const zoom = (factor, around) => {
    const w = Math.min(Math.max((view[1] - view[0]) * factor, 50), last * 1.02), share = (around - view[0]) / (view[1] - view[0]);
    const a = Math.max(0, Math.min(around - share * w, last * 1.02 - w));
    view = [a, a + w];
    draw();
  };
  const pan = (share) => {
    const w = view[1] - view[0], a = Math.max(0, Math.min(view[0] + share * w, last * 1.02 - w));
    view = [a, a + w];
    draw();
  };
  const middle = () => (selected >= 0 ? shown[selected][AT] : (view[0] + view[1]) / 2);
  const actions = { in: () => zoom(0.5, middle()), out: () => zoom(2, middle()), fit: () => { view = [0, last * 1.02]; draw(); }, left: () => pan(-0.3), right: () => pan(0.3) };
  for (const b of root.querySelectorAll("button[data-do]")) b.onclick = () => actions[b.dataset.do]();
  const keys = { "+": "in", "=": "in", "-": "out", 0: "fit", ArrowLeft: "left", ArrowRight: "right" };
  const onKey = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (keys[e.key]) actions[keys[e.key]]();
    else if (e.key === "ArrowDown") select(selected + 1);
    else if (e.key === "ArrowUp") select(selected - 1);
    else if (e.key === "PageDown") select(selected + 10);
    else if (e.key === "PageUp") select(selected - 10);
    else if (e.key === "Home") select(0);
    else if (e.key === "End") select(shown.length - 1);
    else return;
    e.preventDefault();
  };
  canvas.addEventListener("keydown", onKey);
  list.addEventListener("keydown", onKey);
  list.addEventListener("scroll", drawList);
  canvas.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.shiftKey && document.activeElement !== canvas) return; // the page scrolls, until the diagram is in use
    e.preventDefault();
    zoom(e.deltaY > 0 ? 1.25 : 0.8, us(e.offsetX));
  }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", (e) => { drag = { x: e.offsetX, view, moved: false }; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    if (!drag) return;
    const by = e.offsetX - drag.x;
    if (Math.abs(by) < 4 && !drag.moved) return;
    drag.moved = true;
    view = drag.view;
    pan(-by / (canvas.clientWidth - GUTTER));
  });
  canvas.addEventListener("pointerup", (e) => {
    const moved = drag?.moved;
    drag = null;
    if (moved) return;
    const spans = (r) => {
      if (t(r, KIND) === "step") return [0, 1e9];
      const ends = isPacket(r) && r[FROM] && r[TO] ? [y(host(t(r, FROM))), stopped(r) ? y("firewall") : y(host(t(r, TO)))] : [y(t(r, ACTOR)) - 6, y(t(r, ACTOR)) + 6];
      return [Math.min(...ends) - 4, Math.max(...ends) + 4];
    };
    let best = -1, least = 12;
    shown.forEach((r, i) => {
      const d = Math.abs(x(r[AT]) - e.offsetX), [a, b] = spans(r);
      if (d < least && e.offsetY >= a && e.offsetY <= b) { least = d; best = i; }
    });
    if (best >= 0) select(best);
  });
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const off = [...root.querySelectorAll("button[data-kind]")].filter((b) => b.getAttribute("aria-pressed") === "false").flatMap((b) => b.dataset.kind.split(" "));
    const before = selected >= 0 ? shown[selected] : null;
    shown = T.rows.filter((r) => !off.includes(t(r, KIND)) && (!words.length || words.every((w) => says(r).toLowerCase().includes(w))));
    selected = before ? shown.indexOf(before) : -1;
    draw();
  };
  search.addEventListener("input", apply);
  for (const b of root.querySelectorAll("button[data-kind]")) b.onclick = () => { b.setAttribute("aria-pressed", b.getAttribute("aria-pressed") !== "true"); apply(); };
  addEventListener("resize", draw);
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", draw); // paper is light
  if (T.cut) { const cut = root.querySelector(".cut"); cut.textContent = T.cut; cut.hidden = false; }
  const choose = (seq) => {
    const find = () => shown.findIndex((r) => r[SEQ] === +seq);
    if (find() < 0) { // it may be hidden
      search.value = "";
      for (const b of root.querySelectorAll("button[data-kind]")) b.setAttribute("aria-pressed", true);
      apply();
    }
    if (find() >= 0) select(find());
  };
  for (const a of document.querySelectorAll("a[data-seq]")) a.addEventListener("click", () => choose(a.dataset.seq));
  draw();
  choose(root.dataset.decides);
})();
