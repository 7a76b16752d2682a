"use strict";
/* Sorts, filters, unfolds and draws. Every text of the data is set as textContent. */
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const root = document.documentElement;
  const grouped = new Intl.NumberFormat("en-US");

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function announce(text) {
    one("#announcer").textContent = text;
  }

  function reveal(element, shown) {
    element.hidden = !shown;
  }

  /* ---- light and dark ---- */

  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const darkRules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule.media?.mediaText.includes("prefers-color-scheme"));
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

  function themeSwitch(button) {
    const label = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      darkRules.forEach(({ media }) => { media.mediaText = isDark() ? "screen" : "not all"; });
      label();
      repaint();
    });
    prefersDark.addEventListener("change", () => { label(); repaint(); });
    label();
    reveal(button, true);
  }

  /* ---- tables ---- */

  function cellOf(at, cell, { kinds, classes, short, levels }) {
    const kind = kinds[at];
    const shown = Array.isArray(cell) ? cell[0] : cell;
    const td = make("td", { className: classes[at] });
    if (kind === "verdict" && shown !== "–") {
      const level = Object.hasOwn(levels, shown) ? levels[shown] : "plain";
      td.append(make("span", { className: `badge ${level}`, textContent: shown }));
    } else if (kind === "long" && (shown.length > short || shown.includes("\n"))) {
      const line = shown.slice(0, 360).trim().split(/\s+/).join(" ");
      const summary = make("summary", {}, make("bdi", { textContent: `${line.slice(0, 90).trimEnd()} …` }));
      const whole = make("bdi", { className: "whole", textContent: shown });
      td.append(make("details", { className: "fold" }, summary, whole));
    } else {
      td.append(make("bdi", { textContent: shown }));
    }
    return td;
  }

  function compare(a, b, direction) {
    const missing = (x) => x === null || x === "–";
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
    return direction * order;
  }

  function liveTable(box) {
    const data = JSON.parse(one("[data-rows]", box).textContent);
    const headers = all("table thead th", box).slice(0, data.kinds.length);
    const body = one("tbody", box);
    const pages = one(".pages", box);
    const filter = one("[data-filter]", box);
    const verdict = one("[data-verdict]", box);
    const verdictAt = data.kinds.indexOf("verdict");
    let rows = data.rows;
    let sorted = { at: -1, direction: 1 };
    let first = 0;

    const textOf = (cell) => (Array.isArray(cell) ? cell[0] : cell);
    const keyOf = (cell) => (Array.isArray(cell) ? cell[1] : cell);

    function show() {
      body.replaceChildren(...rows.slice(first, first + data.page).map((row) =>
        make("tr", {}, ...row.map((cell, at) => cellOf(at, cell, data)))));
      const none = { colSpan: data.kinds.length, textContent: "No row matches." };
      if (!rows.length) body.append(make("tr", {}, make("td", none)));
      tellPlace();
    }

    function tellPlace() {
      const last = Math.min(first + data.page, rows.length);
      const of = rows.length === data.rows.length ? "" : ` (of ${grouped.format(data.rows.length)})`;
      one("[data-place]", box).textContent = rows.length
        ? `${grouped.format(first + 1)}–${grouped.format(last)} of ${grouped.format(rows.length)}${of}`
        : `0${of}`;
      one("[data-previous]", box).disabled = first === 0;
      one("[data-next]", box).disabled = last >= rows.length;
      reveal(pages, data.rows.length > data.page);
    }

    function select() {
      const wanted = (filter?.value || "").toLowerCase();
      const word = verdict?.value || "";
      rows = data.rows.filter((row) =>
        (!word || textOf(row[verdictAt]) === word)
        && (!wanted || row.some((cell) => textOf(cell).toLowerCase().includes(wanted))));
      if (sorted.at >= 0) {
        const { at, direction } = sorted;
        rows.sort((a, b) => compare(keyOf(a[at]), keyOf(b[at]), direction));
      }
      first = 0;
      show();
    }

    function sort(at) {
      const start = ["text", "long", "verdict"].includes(data.kinds[at]) ? 1 : -1;
      sorted = { at, direction: sorted.at === at ? -sorted.direction : start };
      headers.forEach((th, place) => {
        if (place === at) th.setAttribute("aria-sort", sorted.direction > 0 ? "ascending" : "descending");
        else th.removeAttribute("aria-sort");
      });
      select();
    }

    headers.forEach((th, at) => {
      const button = make("button", { type: "button" });
      button.append(...th.childNodes);
      button.addEventListener("click", () => sort(at));
      th.append(button);
    });
    const turn = (by) => { first = Math.max(0, first + by * data.page); show(); };
    one("[data-previous]", box).addEventListener("click", () => turn(-1));
    one("[data-next]", box).addEventListener("click", () => turn(1));
    [filter, verdict].forEach((control) => control?.addEventListener("input", () => {
      select();
      announce(`${rows.length} rows match`);
    }));
    reveal(one(".tools", box), Boolean(filter));
    tellPlace();
  }

  /* ---- exploit cards ---- */

  function liveCards(box) {
    const groups = all(":scope > .group", box);
    const cards = all(".card", box);
    const texts = cards.map((card) => card.textContent.toLowerCase());
    const filter = one("[data-filter]", box);
    const verdict = one("[data-verdict-filter]", box);
    const order = one("[data-order]", box);
    const none = one("[data-none]", box);

    function select() {
      const wanted = filter.value.toLowerCase();
      const word = verdict?.value || "";
      let left = 0;
      cards.forEach((card, at) => {
        const fits = (!word || card.dataset.verdict === word) && (!wanted || texts[at].includes(wanted));
        reveal(card, fits);
        left += fits;
      });
      groups.forEach((group) => {
        const shown = (selector) => all(selector, group).some((card) => !card.hidden);
        const variants = one(":scope > .variants", group);
        const beside = Boolean(variants) && shown(":scope > .variants > .card");
        if (variants) {
          reveal(variants, beside);
          // What was looked for must not stay folded.
          variants.open = beside && (wanted !== "" || !shown(":scope > .card"));
        }
        reveal(group, beside || shown(":scope > .card"));
      });
      const place = left === cards.length ? `${left} findings` : `${left} of ${cards.length} findings`;
      one("[data-place]", box).textContent = place;
      reveal(none, !left);
      return place;
    }

    function arrange() {
      const by = order.value;
      const key = (group) => {
        const { title, effect } = one(":scope > .card", group).dataset;
        return by === "title" ? title : Number(effect);
      };
      const arranged = by ? [...groups].sort((a, b) => compare(key(a), key(b), by === "title" ? 1 : -1)) : groups;
      arranged.forEach((group) => box.insertBefore(group, none));
    }

    [filter, verdict].forEach((control) => control?.addEventListener("input", () => announce(select())));
    order.addEventListener("input", arrange);
    select();
    reveal(one(".tools", box), cards.length > 1);
  }

  function openTarget() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    for (let at = target; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
    if (target) target.scrollIntoView();
  }

  /* ---- commands ---- */

  function copyable(button) {
    const code = one("code", button.parentElement);
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        done = document.execCommand("copy");
      }
      const told = done ? "Copied" : "Selected: press Ctrl+C";
      announce(told);
      button.firstChild.data = told;
      setTimeout(() => { button.firstChild.data = "Copy"; }, 2000);
    });
    reveal(button, true);
  }

  /* ---- rewards by token ---- */

  function liveTokens(box) {
    const tokens = all(".stream > .token", box);
    const reading = one(".reading", box);
    if (!tokens.length) return;
    let current = 0;
    function read(at) {
      const token = tokens[at];
      one("output", reading).replaceChildren(
        `Token ${at + 1} of ${tokens.length} `, make("bdi", { className: "code", textContent: token.textContent }),
        ` reward ${token.dataset.reward}`);
    }
    function go(at) {
      tokens[current].tabIndex = -1;
      current = Math.min(Math.max(at, 0), tokens.length - 1);
      tokens[current].tabIndex = 0;
      tokens[current].focus();
    }
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    tokens.forEach((token, at) => {
      token.tabIndex = at ? -1 : 0;
      ["focus", "mouseenter"].forEach((event) => token.addEventListener(event, () => read(at)));
      token.addEventListener("keydown", (event) => {
        if (!Object.hasOwn(steps, event.key)) return;
        event.preventDefault();
        go(current + steps[event.key]);
      });
      token.addEventListener("focus", () => { current = at; });
    });
    reveal(reading, true);
    one("output", reading).textContent = "Point at a token, or use the arrow keys, to read its reward.";
  }

  /* ---- figures ---- */

  const COLOURS = { "#222222": "ink", "#222": "ink", black: "ink", "#000000": "ink", "#6b6b6b": "soft",
    "#e3e3e3": "rule", white: "paper", "#ffffff": "paper", "#0072b2": "blue", "#d55e00": "orange" };
  const near = new Set();

  function recoloured(value, key, colours) {
    if (typeof value === "string") {
      const name = /color/i.test(key) && COLOURS[value.toLowerCase()];
      return name ? colours[name] : value;
    }
    if (Array.isArray(value)) return value.map((each) => recoloured(each, key, colours));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recoloured(v, k, colours)]));
  }

  function inColours(figure, light) {
    const style = getComputedStyle(root);
    const names = ["ink", "soft", "rule", "paper", "blue", "orange"];
    const of = (name) => style.getPropertyValue(`--${light ? "print" : "figure"}-${name}`).trim();
    const colours = Object.fromEntries(names.map((name) => [name, of(name)]));
    const { data, layout } = recoloured(figure, "", colours);
    const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
    for (const key of ["xaxis", "yaxis", ...axes]) {
      layout[key] = { gridcolor: colours.rule, linecolor: colours.soft, zerolinecolor: colours.soft,
        automargin: true, zeroline: false, ...layout[key],
        ...(layout[key]?.title && { title: { standoff: 10, ...layout[key].title } }) };
    }
    return { data, layout: { ...layout, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { ...layout.font, color: colours.ink, family: style.getPropertyValue("--sans") },
      hoverlabel: { ...layout.hoverlabel, bgcolor: colours.paper, font: { color: colours.ink } } } };
  }

  function sizeFor({ data, layout }, room, narrow) {
    const labels = [...Object.values(layout).flatMap((axis) => axis?.ticktext || []),
      ...data.flatMap((trace) => (Array.isArray(trace.y) ? trace.y : []))]
      .filter((label) => typeof label === "string");
    const longest = Math.max(0, ...labels.map((label) => label.length));
    const width = Math.max(room, layout.xaxis2 ? 640 : 180 + (narrow ? 5 : 7) * Math.min(longest, 40));
    const height = layout.height || 480;
    // Lines of labels need their height; a plane of points is best seen in landscape.
    return { width, height: labels.length || layout.xaxis2 ? height : Math.min(height, Math.max(0.6 * width, 300)) };
  }

  async function loadPlotly() {
    const packed = Uint8Array.from(atob(one("#plotly-packed").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const source = await new Response(stream).text();
    // Plotly writes style attributes, which the page's policy forbids; this way it sets properties.
    const set = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function setAttribute(name, value) {
      if (name === "style") this.style.cssText = value;
      else set.call(this, name, value);
    };
    // It also brings a style for maps, which are not drawn here.
    document.head.appendChild = (node) => node;
    document.body.append(make("script", { textContent: source }));
    delete document.head.appendChild;
  }

  function paint(box, print = false) {
    const wanted = `${print ? "print" : isDark()} ${box.clientWidth}`;
    if (!window.Plotly || box.dataset.painted === wanted) return;
    box.dataset.painted = wanted;
    const target = one(".drawing", box);
    const narrow = box.clientWidth < 560;
    reveal(target, true);
    try {
      const figure = JSON.parse(one("[data-plotly]", box).textContent);
      const { data, layout } = inColours(figure, print);
      const margin = { l: 56, r: 16, t: 36, b: 52, ...(narrow ? {} : layout.margin) };
      window.Plotly.react(target, data, { ...layout, title: undefined, margin, autosize: false,
        ...sizeFor(figure, box.clientWidth, narrow), font: { ...layout.font, size: narrow ? 10 : 13 },
        dragmode: window.matchMedia("(pointer: coarse)").matches ? false : layout.dragmode },
      { displayModeBar: false, showTips: false, scrollZoom: false });
      box.classList.add("drawn");
    } catch (error) {
      reveal(target, false);
      undrawn(box, `The drawing failed: ${error.message}`);
    }
  }

  function undrawn(box, reason) {
    box.insertBefore(make("p", { className: "note", textContent: reason }), one("figcaption", box));
  }

  // What is out of sight is painted anew when it comes near.
  const repaint = () => near.forEach((box) => paint(box));

  function liveFigures(boxes) {
    if (!boxes.length) return;
    const bare = boxes.filter((box) => !one("img", box));
    if (!("DecompressionStream" in window)) {
      bare.forEach((box) => undrawn(box, "The drawing of this figure needs a newer browser."));
      return;
    }
    let loading = null;
    const load = () => { loading ??= loadPlotly().then(repaint); };
    const seen = new IntersectionObserver((entries) => {
      entries.forEach(({ target, isIntersecting }) => near[isIntersecting ? "add" : "delete"](target));
      if (near.size) load();
      repaint();
    }, { rootMargin: "800px" });
    boxes.forEach((box) => seen.observe(box));
    addEventListener("resize", repaint);
    // A figure without a picture must be there when the page is printed.
    if (bare.length) addEventListener("load", () => setTimeout(load, 1000));
  }

  /* ---- paper ---- */

  function printing() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = all(".card:not([open]), .variants:not([open])");
      opened.forEach((card) => { card.open = true; });
      all("[data-figure]").forEach((box) => paint(box, true));
    });
    addEventListener("afterprint", () => {
      opened.forEach((card) => { card.open = false; });
      repaint();
    });
  }

  all("[data-theme-switch]").forEach(themeSwitch);
  all("[data-table]").forEach(liveTable);
  all("[data-cards]").forEach(liveCards);
  all("[data-copy]").forEach(copyable);
  all("[data-tokens]").forEach(liveTokens);
  liveFigures(all("[data-figure]"));
  printing();
  openTarget();
  addEventListener("hashchange", openTarget);
})();
