// Draws every <div data-chart="KIND" data-rows="JSON">. Shapes only: each chart
// stands beside a table that has its numbers. Canvas and rich text, since the CSP allows no style
// attributes; colours are the CSS tokens of the theme in force.
"use strict";
(() => {
  // A token may be light-dark() or color-mix(), which only the browser understands: a pixel tells.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const token = (name) => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = `var(${name})`;
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = getComputedStyle(probe).color;
    pixel.fillRect(0, 0, 1, 1);
    probe.remove();
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
  };
  const percent = (fraction) => `${inStyle((fraction * 100).toFixed(1))} %`;
  const ROW_HEIGHT = 40;

  // Weights as bars in their category's colour, targets as marks across them.
  const weights = (rows) => {
    const text = token("--tblr-body-color");
    const grid = token("--tblr-border-color");
    const categories = rows.map((row) => row.name);
    const targets = rows.some((row) => row.target !== null);
    return {
      height: rows.length * ROW_HEIGHT + 60,
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
      grid: { left: 4, right: 24, top: 8, bottom: targets ? 32 : 8, containLabel: true },
      tooltip: {
        renderMode: "richText",
        backgroundColor: token("--tblr-bg-surface"),
        borderColor: grid,
        textStyle: { color: text },
        formatter: ({ dataIndex }) => {
          const { name, weight, target } = rows[dataIndex];
          const aim = target === null ? "" : `\nTarget ${percent(target)}`;
          return `${name}\nWeight ${percent(weight)}${aim}`;
        },
      },
      legend: targets
        ? { bottom: 0, itemWidth: 3, itemHeight: 14, data: ["Target"], textStyle: { color: text } }
        : { show: false },
      xAxis: {
        type: "value",
        min: 0,
        max: ({ max }) => Math.min(1, Math.ceil(max * 10) / 10),
        splitNumber: 3,
        axisLabel: { color: text, hideOverlap: true, formatter: (value) => `${Math.round(value * 100)} %` },
        splitLine: { lineStyle: { color: grid } },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: categories,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: grid } },
        axisLabel: { color: text, width: 130, overflow: "truncate" },
      },
      series: [
        {
          name: "Weight",
          type: "bar",
          barWidth: 18,
          data: rows.map((row) => ({
            value: row.weight,
            itemStyle: { color: token(`--category-${row.colour}`), borderRadius: [0, 3, 3, 0] },
          })),
        },
        {
          name: "Target",
          type: "scatter",
          symbol: "rect",
          symbolSize: [3, 28],
          itemStyle: { color: text },
          data: targets ? rows.map((row) => row.target) : [],
        },
      ],
    };
  };
  // A value day by day. The axis need not begin at zero: the shape is what counts.
  const values = (rows) => {
    const text = token("--tblr-body-color");
    const grid = token("--tblr-border-color");
    const line = token("--tblr-primary");
    const digits = (value) => ({ maximumFractionDigits: value < 100 ? 2 : 0 });
    const money = (value) => inStyle(value.toLocaleString("en", digits(value)));
    return {
      height: 260,
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
      grid: { left: 4, right: 16, top: 12, bottom: 8, containLabel: true },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: token("--tblr-bg-surface"),
        borderColor: grid,
        textStyle: { color: text },
        formatter: ([{ dataIndex }]) => `${rows[dataIndex].day}\n${money(rows[dataIndex].value)} USD`,
      },
      xAxis: {
        type: "category",
        data: rows.map((row) => row.day),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: grid } },
        axisLabel: { color: text, hideOverlap: true, formatter: (day) => day.slice(0, 7) },
      },
      yAxis: {
        type: "value",
        scale: true,
        splitNumber: 4,
        axisLabel: { color: text, formatter: money },
        splitLine: { lineStyle: { color: grid } },
      },
      series: [
        {
          type: "line",
          symbol: "none",
          lineStyle: { color: line, width: 2 },
          itemStyle: { color: line },
          data: rows.map((row) => row.value),
        },
      ],
    };
  };
  // A price on a scale of equal factors, over a ribbon with a lane for each regime.
  const LANES = [
    ["neutral", "Neutral", "--category-11"],
    ["bull", "Bull", "--category-2"],
    ["altseason", "Altseason", "--category-4"],
    ["bear", "Bear", "--category-3"],
    ["high_volatility", "High vol.", "--category-1"],
  ];
  const regimes = (rows) => {
    const text = token("--tblr-body-color");
    const grid = token("--tblr-border-color");
    const line = token("--tblr-primary");
    const money = (value) => inStyle(value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 }));
    const days = rows.map((row) => row.day);
    const names = Object.fromEntries(LANES.map(([label, name]) => [label, name]));
    // A week in a lane reaches to the next one, so that a single week is seen, too.
    const lane = (label, height) =>
      rows.map((row, n) => (row.label === label || rows[n - 1]?.label === label ? height : null));
    const axis = { type: "category", data: days, axisTick: { show: false }, axisLine: { lineStyle: { color: grid } } };
    return {
      height: 400,
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
      grid: [
        { left: 70, right: 16, top: 12, height: 230 },
        { left: 70, right: 16, top: 254, height: 110 },
      ],
      axisPointer: { link: [{ xAxisIndex: "all" }] },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: token("--tblr-bg-surface"),
        borderColor: grid,
        textStyle: { color: text },
        formatter: ([{ dataIndex }]) => {
          const { day, value, label } = rows[dataIndex];
          return `${day}\n${money(value)} USD\n${names[label] ?? "Unknown"}`;
        },
      },
      xAxis: [
        { ...axis, axisLabel: { show: false } },
        { ...axis, gridIndex: 1, axisLabel: { color: text, hideOverlap: true, formatter: (day) => day.slice(0, 7) } },
      ],
      yAxis: [
        {
          type: "log",
          axisLabel: { color: text, formatter: money },
          splitLine: { lineStyle: { color: grid } },
        },
        {
          type: "category",
          gridIndex: 1,
          data: LANES.map(([, name]) => name),
          axisTick: { show: false },
          axisLine: { show: false },
          axisLabel: { color: text, interval: 0, fontSize: 11 },
          splitLine: { show: true, lineStyle: { color: grid } },
        },
      ],
      series: [
        {
          type: "line",
          symbol: "none",
          lineStyle: { color: line, width: 1.5 },
          itemStyle: { color: line },
          data: rows.map((row) => row.value),
        },
        ...LANES.map(([label, , colour], height) => ({
          type: "line",
          xAxisIndex: 1,
          yAxisIndex: 1,
          symbol: "none",
          lineStyle: { color: token(colour), width: 12, cap: "butt" },
          itemStyle: { color: token(colour) },
          data: lane(label, height),
        })),
      ],
    };
  };
  const KINDS = { weights, values, regimes };

  const draw = (element) => {
    const { height, ...option } = KINDS[element.dataset.chart](JSON.parse(element.dataset.rows));
    const chart =
      echarts.getInstanceByDom(element) ?? echarts.init(element, null, { renderer: "canvas", height });
    chart.setOption(option, true);
    chart.resize({ height });
  };
  const charts = () => document.querySelectorAll("[data-chart]");
  const drawAll = () => charts().forEach(draw);

  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("themechange", () => document.readyState === "loading" || drawAll());
  document.addEventListener("htmx:beforeCleanupElement", ({ target }) => {
    if (target.dataset?.chart) echarts.getInstanceByDom(target)?.dispose();
  });
  addEventListener("resize", () => charts().forEach((element) => echarts.getInstanceByDom(element)?.resize()));
})();
