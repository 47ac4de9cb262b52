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
  const KINDS = { weights, values };

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
