"use strict";
// Draws what drawings.py has worked out; text goes into the page as text, never as HTML, but for
// that of text widgets, whose Markdown was rendered with HTML switched off.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const main = byId("widgets");
  // Okabe and Ito's colours, told apart by colour-blind people; dashes from the ninth on.
  const COLORS = {
    light: ["#0072b2", "#d55e00", "#009e73", "#a2487f", "#b37400", "#3a8fc4", "#6b5bb5", "#4d5866"],
    dark: ["#56b4e9", "#ff8f4a", "#2fc79a", "#e39ac6", "#f0b429", "#8fd0f5", "#b3a5f2", "#b4bfcc"],
  };
  const charts = [];

  const make = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") node.className = value;
      else if (key in node && typeof value !== "string") node[key] = value;
      else node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  };
  const theme = () => document.documentElement.dataset.theme;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = (series, place) => {
    const twin = series.color ? COLORS.light.indexOf(series.color) : place % COLORS.light.length;
    return COLORS[theme()][twin] ?? series.color;
  };
  const isDashed = (place) => Math.floor(place / COLORS.light.length) % 2 === 1;

  const SCALES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const short = (value) => {
    if (value === null || value === undefined) return "–";
    for (const [size, letter] of SCALES) {
      if (Math.abs(value) >= size) return `${+(value / size).toPrecision(3)}${letter}`;
    }
    return `${+value.toPrecision(3)}`;
  };
  const exact = (value) =>
    value === null || value === undefined
      ? "no data"
      : value.toLocaleString("en-US", Math.abs(value) < 1 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 2 });
  const time = (at) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const tick = (at, isLong) => {
    const text = new Date(at).toISOString();
    return isLong ? text.slice(5, 10) : text.slice(11, 16);
  };

  function openChart(place, options) {
    const chart = echarts.init(place, null, { renderer: "svg" });
    const fontFamily = getComputedStyle(document.body).fontFamily;
    chart.setOption({ animation: false, textStyle: { fontFamily }, ...options });
    charts.push(chart);
  }

  // A value without neighbours is no line, and would not be seen.
  const isAlone = (values, place) =>
    values[place] !== null && (values[place - 1] ?? null) === null && (values[place + 1] ?? null) === null;

  const symbols = (values) => ({
    showSymbol: true, showAllSymbol: true, symbolSize: (_, point) => (isAlone(values, point.dataIndex) ? 4 : 0),
  });

  function timeOptions(widget) {
    const isLong = widget.step * (widget.series[0]?.values.length ?? 1) > 3 * 864e5;
    const faint = css("--faint");
    const lines = widget.thresholds.map((it) => ({
      yAxis: it.value,
      lineStyle: { color: it.color, type: "solid", width: 1.5 },
      label: { formatter: `${it.label} ${short(it.value)}`, position: "insideEndTop", color: css("--text"), fontSize: 11 },
    }));
    const top = Math.max(0, ...widget.thresholds.map((it) => it.value));
    const axis = (name, side) => ({
      type: "value", name, position: side, min: 0, nameTextStyle: { color: faint, fontSize: 11, align: side },
      axisLabel: { color: faint, fontSize: 11, formatter: short, showMaxLabel: !top },
      splitLine: { show: side === "left", lineStyle: { color: css("--grid") } },
      ...(side === "left" && top ? { max: (it) => Math.max(it.max, top) * 1.08 } : {}),
    });
    const isRight = widget.series.some((it) => it.axis === "right");
    return {
      grid: { left: 8, right: isRight ? 8 : 22, top: 24, bottom: 4, containLabel: true },
      xAxis: {
        type: "time",
        min: widget.start,
        axisLabel: { color: faint, fontSize: 11, hideOverlap: true, alignMaxLabel: "right", formatter: (at) => tick(at, isLong) },
        axisLine: { lineStyle: { color: css("--line") } },
      },
      yAxis: isRight ? [axis(widget.unit, "left"), axis(widget.rightUnit, "right")] : axis(widget.unit, "left"),
      tooltip: {
        trigger: "axis", confine: true, renderMode: "richText", backgroundColor: css("--card"),
        borderColor: css("--line"), textStyle: { color: css("--text"), fontSize: 12 },
        formatter: (points) =>
          [time(points[0].value[0]), ...points.filter((it) => it.value[1] !== null).map((it) => `${it.seriesName}: ${exact(it.value[1])}`)].join("\n"),
      },
      series: widget.series.map((it, place) => ({
        name: it.label, type: "line", yAxisIndex: it.axis === "right" ? 1 : 0,
        data: it.values.map((value, number) => [widget.start + number * widget.step, value]),
        color: color(it, place),
        ...symbols(it.values),
        lineStyle: { width: 1.8, type: isDashed(place) ? "dashed" : "solid" },
        ...(widget.stacked ? { stack: "all", areaStyle: { opacity: 0.35 } } : {}),
        ...(place === 0 ? { markLine: { symbol: "none", silent: true, data: lines } } : {}),
      })),
    };
  }

  const totalOf = (widget) => widget.series.reduce((sum, it) => sum + (it.value ?? 0), 0);
  const share = (it, widget) => (totalOf(widget) ? `${((100 * (it.value ?? 0)) / totalOf(widget)).toFixed(1)} %` : "–");

  function legend(widget) {
    return make("ul", { class: "legend" }, ...widget.series.map((it, place) => {
      const line = make("i", { class: isDashed(place) ? "dashed" : "" });
      line.style.borderColor = color(it, place);
      const told = widget.view === "pie" ? [make("span", {}, `${short(it.value)} · ${share(it, widget)}`)] : [];
      return make("li", { title: it.name }, line, make("b", {}, it.label), ...told);
    }));
  }

  function tableOf(widget) {
    const isOverTime = widget.view === "timeSeries";
    const head = isOverTime ? ["", "Last", "Sum", "Highest"] : ["", widget.unit || "Value", "Share"];
    const rows = widget.series.map((it) => {
      const present = it.values.filter((value) => value !== null);
      const cells = isOverTime
        ? [it.value, present.reduce((sum, value) => sum + value, 0), Math.max(...present)].map(exact)
        : [exact(it.value), share(it, widget)];
      const first = make("td", { title: it.name, class: isOverTime ? "" : "bar" }, it.label);
      first.style.setProperty("--share", `${(100 * (it.value ?? 0)) / (totalOf(widget) || 1)}%`);
      const row = make("tr", {}, first, ...cells.map((text) => make("td", {}, text)));
      row.dataset.name = it.name;
      row.dataset.value = it.value ?? "";
      return row;
    });
    return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": widget.title },
      make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...rows)));
  }

  function numbers(widget) {
    return make("div", { class: "numbers" }, ...widget.series.map((it, place) => {
      const strong = make("strong", { title: exact(it.value) }, short(it.value));
      strong.dataset.name = it.name;
      strong.dataset.value = it.value ?? "";
      const number = make("div", { class: "number" }, make("small", { title: it.name }, it.label), strong);
      if (it.values.some((value) => value !== null)) {
        const chart = make("div", { class: "chart", "aria-hidden": "true" });
        number.append(chart);
        later.push(() => openChart(chart, {
          grid: { left: 0, right: 0, top: 4, bottom: 2 },
          xAxis: { type: "category", show: false, boundaryGap: false },
          yAxis: { type: "value", show: false, min: 0 },
          series: [{ type: "line", data: it.values, color: color(it, place), ...symbols(it.values), lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.15 } }],
        }));
      }
      return number;
    }));
  }

  function shares(widget, width) {
    const faint = css("--faint");
    const whole = (it) => widget.series[it.dataIndex].name.slice(0, 300); // on hover: labels are short
    const rows = widget.series.map((it, place) => ({ name: it.label, value: it.value ?? 0, itemStyle: { color: color(it, place) } }));
    if (widget.view === "pie") {
      return {
        tooltip: { confine: true, renderMode: "richText", formatter: (it) => `${whole(it)}\n${exact(it.value)} (${it.percent} %)` },
        series: [{ type: "pie", radius: ["54%", "90%"], data: rows, label: { show: false }, itemStyle: { borderColor: css("--card"), borderWidth: 2 } }],
      };
    }
    const names = Math.min(300, Math.round(width * 0.42));
    return {
      grid: { left: names + 12, right: 48, top: 8, bottom: widget.unit ? 40 : 22 },
      xAxis: { type: "value", splitNumber: 3, name: widget.unit, nameLocation: "middle", nameGap: 24, nameTextStyle: { color: faint, fontSize: 11 }, axisLabel: { color: faint, fontSize: 11, hideOverlap: true, formatter: short }, splitLine: { lineStyle: { color: css("--grid") } } },
      yAxis: { type: "category", inverse: true, data: rows.map((it) => it.name), axisLabel: { color: faint, fontSize: 11, width: names, overflow: "truncate" }, axisTick: { show: false } },
      tooltip: { confine: true, renderMode: "richText", formatter: (it) => `${whole(it)}\n${exact(it.value)} ${widget.unit}` },
      series: [{ type: "bar", data: rows, barMaxWidth: 18, label: { show: true, position: "right", color: css("--text"), fontSize: 11, formatter: (it) => short(it.value) } }],
    };
  }

  function alarms(widget) {
    return make("ul", { class: "alarms" }, ...widget.alarms.map((it) =>
      make("li", { class: it.state.replace(/\W/g, "_"), title: it.name },
        it.name.replace(/^BedrockMeter-(Health-)?/, ""), make("span", {}, it.state.replace("_", " ").toLowerCase()))));
  }

  let later = [];
  function fill(card, widget, isTable) {
    if (widget.message) return card.append(make("p", { class: "message" }, widget.message));
    if (widget.type === "alarm") return card.append(alarms(widget));
    if (isTable || widget.view === "table") return card.append(tableOf(widget));
    if (widget.view === "singleValue") return card.append(numbers(widget));
    const chart = make("div", { class: "chart", role: "img", "aria-label": `${widget.title}: ${widget.series.map((it) => `${it.label} ${exact(it.value)}`).join("; ")}` });
    if (widget.view === "pie") card.append(make("div", { class: "pie" }, chart, legend(widget)));
    else card.append(chart);
    if (widget.view === "timeSeries") card.append(legend(widget));
    if (widget.note) card.append(make("p", { class: "note" }, widget.note));
    later.push(() => openChart(chart, widget.view === "timeSeries" ? timeOptions(widget) : shares(widget, chart.clientWidth)));
    return undefined;
  }

  function draw(widget) {
    const card = make("section", { class: `widget ${widget.type}`, "aria-label": widget.title || "Text" });
    card.style.gridColumn = `${widget.x + 1} / span ${widget.width}`;
    card.style.gridRow = `${widget.y + 1} / span ${widget.height}`;
    card.style.setProperty("--rows", widget.height);
    if (widget.type === "text") {
      card.innerHTML = widget.html;
      return card;
    }
    const heading = make("h2", {}, make("span", { title: widget.title }, widget.title));
    card.append(heading);
    const hasTable = !widget.message && ["timeSeries", "bar", "pie"].includes(widget.view);
    if (hasTable) {
      const toggle = make("button", { type: "button", "aria-pressed": "false", "aria-label": `Table: ${widget.title}` }, "Table");
      toggle.addEventListener("click", () => {
        const isTable = toggle.getAttribute("aria-pressed") === "false";
        toggle.setAttribute("aria-pressed", String(isTable));
        for (const it of card.querySelectorAll(".chart")) {
          const chart = echarts.getInstanceByDom(it);
          if (chart) charts.splice(charts.indexOf(chart), 1)[0].dispose();
        }
        while (heading.nextSibling) heading.nextSibling.remove(); // the button keeps its focus
        fill(card, widget, isTable);
        drawCharts();
      });
      heading.append(toggle);
    }
    fill(card, widget, false);
    return card;
  }

  function drawCharts() {
    const waiting = later;
    later = [];
    for (const it of waiting) it();
  }

  async function load(dashboard, choice, range) {
    if (data.views) return data.views[[dashboard, choice, range].join("\n")];
    const query = new URLSearchParams({ dashboard, choice, range });
    const answer = await fetch(`data?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  function show(view) {
    for (const it of charts.splice(0)) it.dispose();
    main.replaceChildren(...view.widgets.map(draw));
    drawCharts();
  }

  const state = { choices: {} };
  // #dashboard or #dashboard=choice, and a choice may have any letter in it.
  function asked() {
    const [name, ...choice] = location.hash.slice(1).split("=");
    try {
      return [decodeURIComponent(name), choice.length ? decodeURIComponent(choice.join("=")) : undefined];
    } catch {
      return [name, undefined];
    }
  }

  async function refresh() {
    const [name, choice] = asked();
    const dashboard = data.dashboards.find((it) => it.name === name) ?? data.dashboards[0];
    for (const link of byId("dashboards").children) {
      if (link.hash === `#${dashboard.name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${dashboard.title} · Bedrock Meter`;
    byId("choice-label").hidden = !dashboard.choices.length;
    if (dashboard.choices.length) {
      byId("choice-label").firstElementChild.textContent = dashboard.label;
      const chosen = dashboard.choices.find((it) => it.value === (choice ?? state.choices[dashboard.name])) ?? dashboard.choices[0];
      state.choices[dashboard.name] = chosen.value;
      byId("choice").replaceChildren(...dashboard.choices.map((it) => make("option", { value: it.value, title: it.value, selected: it === chosen }, it.label)));
    }
    main.setAttribute("aria-busy", "true");
    try {
      show(await load(dashboard.name, state.choices[dashboard.name] ?? "", byId("range").value));
    } catch (error) {
      main.replaceChildren(make("p", { class: "message", role: "alert" }, String(error.message)));
    }
    main.setAttribute("aria-busy", "false");
  }

  function paint(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").setAttribute("aria-pressed", String(name === "dark"));
  }
  const wanted = new URLSearchParams(location.search).get("theme");
  paint(wanted === "dark" || wanted === "light" ? wanted : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  byId("dashboards").append(...data.dashboards.map((it) => make("a", { href: `#${it.name}` }, it.title)));
  byId("range").append(...data.ranges.map((it) => make("option", { value: it.value, selected: it.value === data.range }, it.label)));
  byId("source").textContent = data.source;
  byId("range").addEventListener("change", refresh);
  byId("choice").addEventListener("change", (event) => {
    const name = asked()[0] || data.dashboards[0].name;
    history.replaceState(null, "", `#${name}=${encodeURIComponent(event.target.value)}`);
    refresh();
  });
  byId("theme").addEventListener("click", () => {
    paint(theme() === "dark" ? "light" : "dark");
    refresh();
  });
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
    main.scrollIntoView();
  });
  addEventListener("hashchange", () => {
    scrollTo(0, 0);
    refresh();
  });
  addEventListener("resize", () => charts.forEach((it) => it.resize()));
  refresh();
})();
