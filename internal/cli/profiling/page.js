"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const heat = $("heat"), canvas = heat.querySelector("canvas"), pick = $("pick");
  const rowHeight = 18, most = 200;
  let from = 0, to = data.parts; // the parts that are selected
  let zoom = null;

  const span = (ms) => {
    if (ms < 1) return ms.toFixed(3) + "ms";
    if (ms < 1000) return ms.toPrecision(3) + "ms";
    const s = ms / 1000;
    if (s < 60) return s.toPrecision(3) + "s";
    const whole = Math.round(s), minutes = Math.floor(whole / 60); // rounded as in the heading
    if (whole < 3600) return minutes + "m" + whole % 60 + "s";
    return Math.floor(minutes / 60) + "h" + minutes % 60 + "m";
  };
  const at = (part) => {
    const d = new Date(data.begin + part * data.width), two = (n) => String(n).padStart(2, "0");
    return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds());
  };
  const element = (name, text) => { const e = document.createElement(name); e.textContent = text; return e; };

  const rows = data.classes.map(() => new Map());
  let hottest = 0;
  for (const [part, cls, , ms] of data.cells) {
    const sum = (rows[cls].get(part) || 0) + ms;
    rows[cls].set(part, sum);
    hottest = Math.max(hottest, sum);
  }

  const drawHeat = () => {
    const width = heat.clientWidth, ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = rows.length * rowHeight * ratio;
    canvas.style.height = rows.length * rowHeight + "px";
    const c = canvas.getContext("2d");
    if (!c) return;
    c.scale(ratio, ratio);
    const hot = getComputedStyle(document.documentElement).getPropertyValue("--hot");
    rows.forEach((row, y) => row.forEach((ms, part) => {
      const x = Math.round(part * width / data.parts), next = Math.max(x + 1, Math.round((part + 1) * width / data.parts));
      c.fillStyle = "rgba(" + hot + "," + (0.15 + 0.85 * Math.sqrt(ms / hottest)) + ")";
      c.fillRect(x, y * rowHeight + 1, next - x, rowHeight - 2);
    }));
    pick.hidden = from === 0 && to === data.parts;
    pick.style.left = 100 * from / data.parts + "%";
    pick.style.width = 100 * (to - from) / data.parts + "%";
  };

  // select returns what was waited for each chain at each class in the selected time.
  const select = () => {
    const sums = new Map();
    for (const [part, cls, chain, ms] of data.cells) {
      if (part < from || part >= to) continue;
      const key = cls + "," + chain, s = sums.get(key) || { cls, chain, ms: 0 };
      s.ms += ms;
      sums.set(key, s);
    }
    return [...sums.values()].sort((a, b) => b.ms - a.ms);
  };

  const tree = (stacks) => {
    const root = { name: "all", ms: 0, depth: 0, parent: null, children: new Map() };
    for (const s of stacks) {
      let node = root;
      node.ms += s.ms;
      for (const name of [...data.chains[s.chain].map((i) => data.names[i]), data.classes[s.cls]]) {
        let child = node.children.get(name);
        if (!child) {
          child = { name, ms: 0, depth: node.depth + 1, parent: node, children: new Map() };
          node.children.set(name, child);
        }
        child.ms += s.ms;
        node = child;
      }
    }
    return root;
  };

  const colour = (name) => {
    let h = 0;
    for (let i = 0; i < name.length; i++) h = (h * 31 + name.charCodeAt(i)) >>> 0;
    return "hsl(" + (h % 48) + ", 80%, " + (62 + h % 13) + "%)";
  };

  const drawFlame = (root) => {
    const flame = $("flame"), boxes = [];
    let deepest = 0;
    const box = (node, left, width) => {
      if (width * flame.clientWidth < 1.5 && flame.clientWidth > 0) return;
      deepest = Math.max(deepest, node.depth);
      const b = element("button", node.name), text = node.name + ": " + span(node.ms) + ", " + (100 * node.ms / root.ms).toFixed(1) + "%";
      b.type = "button";
      b.title = text;
      b.style.left = 100 * left + "%";
      b.style.width = "calc(" + 100 * width + "% - 1px)";
      b.style.background = colour(node.name);
      b.addEventListener("click", () => { zoom = zoom === node ? null : node; drawFlame(root); });
      for (const e of ["mouseenter", "focus"]) b.addEventListener(e, () => { $("said").textContent = text; });
      boxes.push([b, node.depth]);
      if (zoom && onPath(node, zoom)) {
        for (const child of node.children.values()) if (child === zoom || onPath(child, zoom)) box(child, left, width);
        return;
      }
      let x = left;
      for (const child of [...node.children.values()].sort((a, b) => b.ms - a.ms)) {
        box(child, x, width * child.ms / node.ms);
        x += width * child.ms / node.ms;
      }
    };
    if (root.ms > 0) box(root, 0, 1);
    for (const [b, depth] of boxes) b.style.top = (deepest - depth) * 20 + "px";
    flame.replaceChildren(...boxes.map(([b]) => b));
    flame.style.height = (deepest + 1) * 20 + "px";
    $("said").textContent = root.ms > 0 ? "" : "nothing waited in that time";
  };
  // onPath reports whether a node is below another one.
  const onPath = (node, below) => {
    for (let n = below.parent; n; n = n.parent) if (n === node) return true;
    return false;
  };

  const draw = () => {
    zoom = null;
    const stacks = select(), root = tree(stacks);
    $("range").textContent = at(from) + " to " + at(to) + ": requests waited " + span(root.ms) + " together";
    drawHeat();
    drawFlame(root);
    $("chains").replaceChildren(...stacks.slice(0, most).map((s) => {
      const row = document.createElement("tr");
      const frames = data.chains[s.chain].map((i) => data.names[i]).reverse();
      row.append(element("td", span(s.ms)), element("td", (100 * s.ms / root.ms).toFixed(1) + "%"), element("td", frames.join(" → ")), element("td", data.classes[s.cls]));
      return row;
    }));
  };

  const partOf = (e) => {
    const box = heat.getBoundingClientRect();
    return Math.max(0, Math.min(data.parts, (e.clientX - box.left) / (box.width || 1) * data.parts));
  };
  let start = null;
  heat.addEventListener("pointerdown", (e) => { start = partOf(e); heat.setPointerCapture(e.pointerId); });
  heat.addEventListener("pointermove", (e) => {
    if (start === null) return;
    const end = partOf(e);
    from = Math.floor(Math.min(start, end));
    to = Math.max(from + 1, Math.ceil(Math.max(start, end)));
    drawHeat();
  });
  heat.addEventListener("pointerup", (e) => {
    if (start === null) return;
    const end = partOf(e);
    from = Math.min(data.parts - 1, Math.floor(Math.min(start, end)));
    to = Math.min(data.parts, Math.max(from + 1, Math.ceil(Math.max(start, end))));
    start = null;
    draw();
  });
  const whole = () => { from = 0; to = data.parts; draw(); };
  $("all").addEventListener("click", whole);
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") whole(); });
  window.addEventListener("resize", draw);

  $("names").replaceChildren(...data.classes.map((name) => { const e = element("div", name); e.title = name; return e; }));
  const ends = $("axis").querySelectorAll("span");
  ends[0].textContent = at(0);
  ends[1].textContent = at(data.parts);
  draw();
})();
