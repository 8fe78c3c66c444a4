"use strict";
// Draws what drawings.py has worked out; text goes into the page as text, never as HTML, but for
// that of text widgets, whose Markdown was rendered with HTML switched off.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const main = byId("widgets");
  // The colors of names, in their order, then those that only the dashboards give: to what is left,
  // to money and to failures. Okabe and Ito's, which color-blind people can distinguish, come first.
  // A dashed line is one that is not over, so no name has dashes.
  const NAME_COLORS = 12;
  const COLORS = {
    light: [
      "#0072b2", "#d55e00", "#009e73", "#a2487f", "#948300", "#7f6bf5",
      "#7f3b08", "#2e9bdb", "#8a1fa8", "#2a5b00", "#f04a80", "#4a35c4",
      "#4d5866", "#b37400", "#d13212",
    ],
    dark: [
      "#56b4e9", "#ff8f4a", "#1fb88a", "#e39ac6", "#e6d84a", "#ae97ff",
      "#b9764a", "#a8e0ff", "#d24ef0", "#86b81f", "#ff5c8f", "#5f74ff",
      "#b4b9c0", "#f0b429", "#ff7b6e",
    ],
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
  const hash = (text) => [...text].reduce((sum, letter) => (31 * sum + letter.codePointAt(0)) >>> 0, 7);
  // The name that the meter has for what Bedrock's metrics call otherwise.
  const subjectOf = (series) => series.subject ?? series.name;
  // The color of each series. One without a color of its own gets that of its name, or the next that
  // is free in its graph; those that the dashboards list come first.
  const ORDER = new Map(data.dashboards.flatMap((it) => it.names.map((name, place) => [name, place])));
  function colorsOf(widget) {
    const isFree = (place) => !taken.has(place);
    const taken = new Set(widget.series.map((series) => COLORS.light.indexOf(series.color)));
    const places = new Map();
    const isUnlisted = (series) => !ORDER.has(subjectOf(series));
    const compare = (one, other) => isUnlisted(one) - isUnlisted(other) || (one.name < other.name ? -1 : 1);
    for (const series of widget.series.filter((each) => !each.color).sort(compare)) {
      const first = ORDER.get(subjectOf(series)) ?? hash(subjectOf(series));
      const wanted = Array.from({ length: NAME_COLORS }, (_, step) => (first + step) % NAME_COLORS);
      const place = wanted.find(isFree) ?? wanted[0];
      taken.add(place);
      places.set(series.name, place);
    }
    return widget.series.map((series) =>
      series.color ? (COLORS[theme()][COLORS.light.indexOf(series.color)] ?? series.color) : COLORS[theme()][places.get(series.name)]);
  }

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
  const digitsOf = (size) => (size >= 1 || size === 0 ? 2 : size >= 0.0001 ? 4 : 8);
  const money = (value, digits = digitsOf(Math.abs(value))) => {
    const size = Math.abs(value);
    const isLess = size > 0 && size < 0.5 * 10 ** -digits; // it would be rounded to $0
    const text = (isLess ? 10 ** -digits : size).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return `${isLess ? "<" : ""}${value < 0 ? "-" : ""}$${text}`;
  };
  // Amounts side by side have as many decimals as the largest of them.
  const moneyDigits = (widget) => digitsOf(Math.max(...widget.series.map((it) => Math.abs(it.value ?? 0))));
  // Ten seconds and more are seconds.
  const MIN_SECONDS = 1e4;
  const duration = (write) => (value) => (value >= MIN_SECONDS ? `${write(value / 1e3)} s` : `${write(value)} ms`);
  // A part is not nothing, and what lacks a part is not all: neither is rounded to 0% or 100%.
  const percent = (value, decimals = {}) => {
    const isLess = value > 0 && value < 0.05;
    const isMore = value >= 99.95 && value < 100 - 1e-9; // but for the noise of fractions
    const shown = isLess ? 0.1 : isMore ? 99.9 : value;
    return `${isLess ? "<" : isMore ? ">" : ""}${shown.toLocaleString("en-US", { ...decimals, maximumFractionDigits: 1 })}%`;
  };
  const FORMATS = {
    money, percent: (value) => percent(value), number: short, duration: duration(short),
  };
  const shown = (value, format, digits) => (value === null || value === undefined ? "–" : FORMATS[format](value, digits));
  const whole = (value, format) =>
    value === null || value === undefined || format === "number"
      ? exact(value)
      : format === "duration" ? duration(exact)(value) : FORMATS[format](value);
  // Cents have two digits, parts of a cent as many as they need: $0.50, $0.0025.
  const moneyTick = (value) => {
    const size = Math.abs(value);
    const decimals = (String(+size.toFixed(6)).split(".")[1] ?? "").length;
    const digits = decimals && Math.max(2, decimals);
    const text = size >= 1e6 ? short(size) : size.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return `${value < 0 ? "-" : ""}$${text}`;
  };
  const minIntervalOf = (unit) => (/^(Calls|Count|Findings|Tokens)$/.test(unit) ? 1 : 0); // no half calls
  const ticks = (format, isInSeconds) => (format === "money" ? moneyTick : isInSeconds ? (value) => short(value / 1e3) : short);
  // An axis of milliseconds that reaches ten seconds is one of seconds.
  const isInSeconds = (widget) =>
    widget.series.some((it) => it.format === "duration" && Math.max(it.value ?? 0, ...it.values) >= MIN_SECONDS);
  const unitOf = (widget) => (isInSeconds(widget) ? "Seconds" : widget.unit);
  const time = (at) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const tick = (at, isLong) => {
    const text = new Date(at).toISOString();
    return isLong ? text.slice(5, 10) : text.slice(11, 16);
  };

  const detailOf = (series) => data.dashboards.find((it) => it.choices.some((choice) => choice.value === subjectOf(series)));
  const addressOf = (series) => `#${detailOf(series).name}=${encodeURIComponent(subjectOf(series))}`;
  const named = (series) =>
    detailOf(series) ? make("a", { href: addressOf(series) }, series.label) : make("span", {}, series.label);

  function openDetail(widget, point) {
    const series = point.componentType === "yAxis"
      ? widget.series.find((it) => it.label === point.value)
      : widget.series.find((it) => it.name === point.data.fullName);
    if (series && detailOf(series)) location.hash = addressOf(series);
  }

  function openChart(place, options, onClick) {
    const chart = echarts.init(place, null, { renderer: "svg" });
    const fontFamily = getComputedStyle(document.body).fontFamily;
    chart.setOption({ animation: false, textStyle: { fontFamily }, ...options });
    if (onClick) chart.on("click", onClick);
    charts.push(chart);
  }

  // A run of few values is no line: its values are dots, without lines that would float.
  const MIN_RUN = 3;
  function lengthOfRun(values, place) {
    const isThere = (at) => (values[at] ?? null) !== null;
    if (!isThere(place)) return 0;
    let [first, last] = [place, place];
    while (isThere(first - 1)) first -= 1;
    while (isThere(last + 1)) last += 1;
    return last - first + 1;
  }
  const isDot = (values, place) => (values[place] ?? null) !== null && lengthOfRun(values, place) < MIN_RUN;
  const isAlone = (values, place) => lengthOfRun(values, place) === 1;

  const symbols = (values) => ({
    showSymbol: true, showAllSymbol: true, symbolSize: (_, point) => (isAlone(values, point.dataIndex) ? 4 : 0),
  });

  // A series has an open part if its last period is not over and has a value.
  const isOpen = (widget, series) => Boolean(widget.open) && (series.values.at(-1) ?? null) !== null;

  function timeOptions(widget) {
    const isLong = widget.step * (widget.series[0]?.values.length ?? 1) > 3 * 864e5;
    const faint = css("--faint");
    const lines = widget.thresholds.map((it) => ({
      yAxis: it.value,
      lineStyle: { color: it.color, type: "solid", width: 1.5 },
      label: { formatter: `${it.label} ${short(it.value)}`, position: "insideEndTop", color: css("--text"), fontSize: 11 },
    }));
    const top = Math.max(0, ...widget.thresholds.map((it) => it.value));
    const colors = colorsOf(widget);
    const formatOf = (side) => widget.series.find((it) => it.axis === side)?.format ?? "number";
    const openStart = widget.start + widget.step * ((widget.series[0]?.values.length ?? 1) - 1);
    const axis = (name, side) => ({
      type: "value", name, position: side, min: (it) => Math.min(0, it.min), minInterval: minIntervalOf(name), nameTextStyle: { color: faint, fontSize: 11, align: side },
      axisLabel: { color: faint, fontSize: 11, formatter: ticks(formatOf(side), isInSeconds(widget)), showMaxLabel: !top },
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
      yAxis: isRight ? [axis(unitOf(widget), "left"), axis(widget.rightUnit, "right")] : axis(unitOf(widget), "left"),
      tooltip: {
        trigger: "axis", confine: true, renderMode: "richText", backgroundColor: css("--card"),
        borderColor: css("--line"), textStyle: { color: css("--text"), fontSize: 12 },
        formatter: (points) => {
          const isLast = points[0].value[0] === openStart && widget.open;
          const found = points.filter((it) => it.value[1] !== null && it.seriesId.startsWith("open") === Boolean(isLast));
          const lines = found.map((it) => `${it.seriesName}: ${whole(it.value[1], widget.series[it.seriesId.split(" ")[1]].format)}`);
          return [`${time(points[0].value[0])}${isLast ? ", so far" : ""}`, ...lines].join("\n");
        },
      },
      series: [...widget.series.map((it, place) => lineOf(it, place, lines)), ...widget.series.flatMap((it, place) => (isOpen(widget, it) ? [openLineOf(it, place)] : []))],
    };

    function lineOf(it, place, marked) {
      const values = isOpen(widget, it) ? [...it.values.slice(0, -1), null] : it.values;
      const [data, sizes] = [[], []];
      values.forEach((value, number) => {
        const at = widget.start + number * widget.step;
        const isSymbol = widget.stacked ? isAlone(values, number) : isDot(values, number);
        data.push([at, value]);
        sizes.push(isSymbol ? 4 : 0);
        if (isSymbol && (values[number + 1] ?? null) !== null) { // an empty point between two dots
          data.push([at + widget.step / 2, null]);
          sizes.push(0);
        }
      });
      return {
        id: `line ${place}`, name: it.label, type: "line", yAxisIndex: it.axis === "right" ? 1 : 0,
        data, color: colors[place],
        showSymbol: true, showAllSymbol: true, symbolSize: (_, point) => sizes[point.dataIndex],
        lineStyle: { width: 1.8 },
        ...(widget.stacked ? { stack: "all", areaStyle: { opacity: 0.35 } } : {}),
        ...(place === 0 ? { markLine: { symbol: "none", silent: true, data: marked } } : {}),
      };
    }

    // The period that is not over: from the last point that is whole to the sum so far.
    function openLineOf(it, place) {
      const last = it.values.slice(-2);
      return {
        id: `open ${place}`, name: it.label, type: "line", yAxisIndex: it.axis === "right" ? 1 : 0,
        data: last.map((value, number) => [openStart + (number - last.length + 1) * widget.step, value]),
        color: colors[place], symbol: "emptyCircle", showSymbol: true,
        symbolSize: (_, point) => (point.dataIndex === last.length - 1 ? 4 : 0),
        lineStyle: { width: 1.4, type: [3, 4] },
        ...(widget.stacked ? { stack: "open", areaStyle: { opacity: 0.12 } } : {}),
      };
    }
  }

  const totalOf = (widget) => widget.series.reduce((sum, it) => sum + (it.value ?? 0), 0);
  const isMissing = (it) => (it.value ?? null) === null;
  const share = (it, widget) => (totalOf(widget) && !isMissing(it) ? percent((100 * it.value) / totalOf(widget), { minimumFractionDigits: 1 }) : "–");

  function legend(widget) {
    const colors = colorsOf(widget);
    const items = widget.series.map((it, place) => {
      const line = make("i");
      line.style.borderColor = colors[place];
      const value = widget.view === "pie" ? [make("span", {}, `${shown(it.value, it.format, moneyDigits(widget))}${widget.shares ? ` · ${share(it, widget)}` : ""}`)] : [];
      return make("li", { title: it.name }, line, make("b", {}, named(it)), ...value);
    });
    if (widget.series.some((it) => isOpen(widget, it))) items.push(make("li", { class: "open", title: "Viewer only: CloudWatch draws it as a whole period" }, make("i", { class: "dashed" }), make("b", {}, "so far")));
    return make("ul", { class: "legend" }, ...items);
  }

  function tableOf(widget) {
    const isOverTime = widget.view === "timeSeries";
    const head = isOverTime ? ["", "Last", "Sum", "Highest"] : ["", widget.unit || "Value", ...(widget.shares ? ["Share"] : [])];
    const rows = widget.series.map((it) => {
      const present = it.values.filter((value) => value !== null);
      const ofTime = present.length ? [it.value, present.reduce((sum, value) => sum + value, 0), Math.max(...present)] : [null, null, null];
      const numbers = isOverTime ? ofTime : [it.value];
      const cells = [...numbers.map((value) => whole(value, it.format)), ...(widget.shares && !isOverTime ? [share(it, widget)] : [])];
      const first = make("td", { title: it.name, class: isOverTime ? "" : "bar" }, named(it));
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
    const colors = colorsOf(widget);
    return make("div", { class: "numbers" }, ...widget.series.map((it, place) => {
      const strong = make("strong", { title: whole(it.value, it.format) }, shown(it.value, it.format));
      strong.dataset.name = it.name;
      strong.dataset.value = it.value ?? "";
      const number = make("div", { class: "number" }, make("small", { title: it.name }, it.label), strong);
      if (it.values.some((value) => value !== null)) {
        const chart = make("div", { class: "chart", "aria-hidden": "true" });
        number.append(chart);
        later.push(() => openChart(chart, {
          grid: { left: 4, right: 4, top: 4, bottom: 2 },
          xAxis: { type: "category", show: false, boundaryGap: false },
          yAxis: { type: "value", show: false, min: 0 },
          series: [{ type: "line", data: it.values, color: colors[place], ...symbols(it.values), lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.15 } }],
        }));
      }
      return number;
    }));
  }

  const widthOf = (text) => 6.5 * text.length; // at 11 pixels
  function shares(widget, width) {
    const faint = css("--faint");
    const fullName = (it) => it.data.fullName.slice(0, 300); // on hover: labels are short
    const colors = colorsOf(widget);
    // A bar has its name beside it: a color of its own would say nothing.
    const colorOf = (it, place) => (widget.view === "pie" || it.color ? colors[place] : COLORS[theme()][0]);
    const rows = widget.series.map((it, place) => ({ name: it.label, fullName: it.name, value: it.value, itemStyle: { color: colorOf(it, place) } }));
    const format = widget.series[0]?.format ?? "number";
    if (widget.view === "pie") {
      return {
        tooltip: { confine: true, renderMode: "richText", formatter: (it) => `${fullName(it)}\n${whole(it.value, format)} (${percent((100 * it.value) / totalOf(widget))})` },
        series: [{ type: "pie", radius: ["54%", "90%"], data: rows.filter((it) => !isMissing(it)), label: { show: false }, itemStyle: { borderColor: css("--card"), borderWidth: 2 } }],
      };
    }
    const names = Math.min(300, Math.round(width * 0.42));
    const write = ticks(format, isInSeconds(widget));
    const valueWidth = Math.max(...widget.series.map((it) => widthOf(shown(it.value, format, moneyDigits(widget))))) + 10;
    const highest = Math.max(0, ...widget.series.map((it) => it.value ?? 0));
    const tickCount = Math.floor((width - names - valueWidth) / (widthOf(write(highest)) + 20));
    return {
      grid: { left: names + 12, right: Math.max(24, valueWidth), top: 8, bottom: widget.unit ? 40 : 22 },
      xAxis: { type: "value", minInterval: minIntervalOf(widget.unit), splitNumber: Math.max(1, Math.min(3, tickCount)), name: unitOf(widget), nameLocation: "middle", nameGap: 24, nameTextStyle: { color: faint, fontSize: 11 }, axisLabel: { color: faint, fontSize: 11, showMinLabel: true, formatter: write }, splitLine: { lineStyle: { color: css("--grid") } } },
      yAxis: { type: "category", inverse: true, triggerEvent: true, data: rows.map((it) => it.name), axisLabel: { color: faint, fontSize: 11, width: names, overflow: "truncate" }, axisTick: { show: false } },
      tooltip: { confine: true, renderMode: "richText", formatter: (it) => `${fullName(it)}\n${whole(it.value, format)}${format === "duration" ? "" : ` ${widget.unit}`}` },
      series: [{ type: "bar", data: rows, barMaxWidth: 18, label: { show: true, position: "right", color: css("--text"), fontSize: 11, formatter: (it) => shown(it.value, format, moneyDigits(widget)) } }],
    };
  }

  function alarms(widget) {
    return make("ul", { class: "alarms" }, ...widget.alarms.map((it) =>
      make("li", { class: it.state.replace(/\W/g, "_"), title: it.name },
        it.name.replace(/^BedrockMeter-(Health-)?/, ""), make("span", {}, it.state.replace("_", " ").toLowerCase()))));
  }

  // A sum of fractions ends in digits that say nothing: 10.199283140000004.
  const unrounded = (value) => (typeof value === "number" && !Number.isInteger(value) ? +value.toPrecision(12) : value);
  // A spreadsheet would run a name that starts like a formula.
  const cellOf = (value) => {
    const text = String(unrounded(value) ?? "");
    return `"${(typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  function csvOf(widget) {
    const rows = widget.view === "timeSeries"
      ? [
          ["Start of period (UTC)", ...widget.series.map((it) => it.name)],
          ...(widget.series[0]?.values ?? []).map((_, place) => [
            new Date(widget.start + place * widget.step).toISOString(), ...widget.series.map((it) => it.values[place]),
          ]),
        ]
      : [["Name", widget.unit || "Value"], ...widget.series.map((it) => [it.name, it.value])];
    return rows.map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
  }
  function save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    make("a", { href: address, download: name }).click();
    URL.revokeObjectURL(address);
  }

  let later = [];
  function fill(card, widget, isTable) {
    if (widget.message) return card.append(make("p", { class: "message" }, widget.message));
    if (widget.type === "alarm") return card.append(alarms(widget));
    if (isTable || widget.view === "table") return card.append(tableOf(widget));
    if (widget.view === "singleValue") return card.append(numbers(widget));
    const chart = make("div", { class: "chart", role: "img", "aria-label": `${widget.title}: ${widget.series.map((it) => `${it.label} ${whole(it.value, it.format)}`).join("; ")}` });
    if (widget.view === "pie") card.append(make("div", { class: "pie" }, chart, legend(widget)));
    else card.append(chart);
    if (widget.view === "timeSeries") card.append(legend(widget));
    if (widget.note) card.append(make("p", { class: "note" }, widget.note));
    later.push(() => (widget.view === "timeSeries"
      ? openChart(chart, timeOptions(widget))
      : openChart(chart, shares(widget, chart.clientWidth), (point) => openDetail(widget, point))));
    return undefined;
  }

  const DATE = /(\d{4}-\d\d-\d\d)/; // which no line of a title breaks
  function draw(widget) {
    const card = make("section", { class: `widget ${widget.type}`, "aria-label": widget.title || "Text" });
    card.style.gridColumn = `${widget.x + 1} / span ${widget.width}`;
    card.style.gridRow = `${widget.y + 1} / span ${widget.height}`;
    card.style.setProperty("--rows", widget.height);
    if (widget.type === "text") {
      card.innerHTML = widget.html;
      return card;
    }
    const heading = make("h2", {}, make("span", { title: widget.title }, ...widget.title.split(DATE).map((part) => (DATE.test(part) ? make("span", { class: "date" }, part) : part))));
    card.append(heading);
    if (!widget.message && widget.series) {
      const csv = make("button", { type: "button", "aria-label": `CSV: ${widget.title}` }, "CSV");
      csv.addEventListener("click", () => save(`${widget.title.replace(/[^\w-]+/g, "-")}.csv`, csvOf(widget)));
      heading.append(csv);
    }
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

  async function unpack(text) {
    if (!globalThis.DecompressionStream) throw new Error("This page needs a browser of 2023 or later.");
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  async function load(dashboard, choice, range) {
    if (data.views) return unpack(data.views[[dashboard, choice, range].join("\n")]);
    const query = new URLSearchParams({ dashboard, choice, range });
    const answer = await fetch(`data?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  function show(view) {
    for (const it of charts.splice(0)) it.dispose();
    main.replaceChildren(...view.widgets.map(draw));
    drawCharts();
    const dashboards = data.hidden.length ? ` Not shown, because this source lacks their metrics: ${data.hidden.join("; ")}.` : "";
    const hidden = view.hidden.length ? ` On this page, it has nothing for: ${view.hidden.join(", ")}.` : "";
    byId("source").textContent = data.source + dashboards + hidden;
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
      const chosen = dashboard.choices.find((it) => it.value === (choice ?? state.choices[dashboard.name] ?? dashboard.first)) ?? dashboard.choices[0];
      state.choices[dashboard.name] = chosen.value;
      byId("choice").replaceChildren(...dashboard.choices.map((it) => make("option", { value: it.value, title: it.value, selected: it === chosen }, it.label)));
    }
    main.setAttribute("aria-busy", "true");
    const turn = (state.turn = (state.turn ?? 0) + 1);
    try {
      const view = await load(dashboard.name, state.choices[dashboard.name] ?? "", byId("range").value);
      if (turn !== state.turn) return; // another view was chosen since
      show(view);
    } catch (error) {
      if (turn !== state.turn) return;
      main.replaceChildren(make("p", { class: "message", role: "alert" }, String(error.message)));
    }
    main.setAttribute("aria-busy", "false");
  }

  function paint(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  }
  const wanted = new URLSearchParams(location.search).get("theme");
  paint(wanted === "dark" || wanted === "light" ? wanted : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  byId("dashboards").append(...data.dashboards.map((it) => make("a", { href: `#${it.name}` }, it.title)));
  byId("range").append(...data.ranges.map((it) => make("option", { value: it.value, selected: it.value === data.range }, it.label)));
  byId("left-out").hidden = !data.leftOut?.length;
  byId("left-out").append(...(data.leftOut ?? []).map((text) => make("p", {}, text)));
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
