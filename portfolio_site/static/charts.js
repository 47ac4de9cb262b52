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
  const MONTH = new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" });
  const ROW_HEIGHT = 40;
  // Each month is named once, where it begins; the few days of a short history by themselves.
  const byMonth = (days) =>
    days.length < 90
      ? { hideOverlap: true }
      : {
          hideOverlap: true,
          interval: (index) => index > 0 && days[index].slice(0, 7) !== days[index - 1].slice(0, 7),
          formatter: (day) => day.slice(0, 7),
        };

  // Weights as bars in their category's colour, targets as marks across them.
  const weights = (rows) => {
    const text = token("--tblr-body-color");
    const grid = token("--tblr-border-color");
    const categories = rows.map((row) => row.name);
    const targets = rows.some((row) => row.target !== null);
    // The axis ends at a tick, and few enough fit a phone.
    const highest = Math.max(0.05, ...rows.flatMap((row) => [row.weight, row.target ?? 0]));
    const step = [0.05, 0.1, 0.2, 0.25].find((each) => highest <= 4 * each) ?? 0.25;
    const top = Math.min(1, Math.ceil(highest / step - 1e-9) * step);
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
        max: top,
        interval: step,
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
        // Once a month, where it begins.
        axisLabel: {
          color: text,
          hideOverlap: true,
          interval: (index, day) => day.endsWith("-01"),
          formatter: (day) => MONTH.format(new Date(day)),
        },
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
        { ...axis, gridIndex: 1, axisLabel: { color: text, ...byMonth(days) } },
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
  const FORMATS = {
    percent: (fraction) => percent(fraction),
    money: (value) => inStyle(value.toLocaleString("en", { maximumFractionDigits: 0 })),
    ratio: (number) => inStyle(number.toFixed(2)),
    price: (number) => inStyle(Number(number.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 8 })),
  };
  const frame = () => {
    const text = token("--tblr-body-color");
    const line = token("--tblr-border-color");
    return {
      text,
      line,
      common: {
        animation: false,
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
        tooltip: {
          renderMode: "richText",
          backgroundColor: token("--tblr-bg-surface"),
          borderColor: line,
          textStyle: { color: text },
        },
      },
    };
  };
  const axis = ({ text, line }, format) => ({
    type: "value",
    scale: true,
    splitNumber: 4,
    axisLabel: { color: text, hideOverlap: true, formatter: format },
    splitLine: { lineStyle: { color: line } },
  });
  // Lines day by day, told apart by dashes as well as colours; a band is the gap between two more.
  const LINES = [
    ["--category-2", "solid"],
    ["--category-1", [6, 3]],
    ["--category-4", [2, 2]],
    ["--category-9", [10, 3, 2, 3]],
    ["--category-7", [4, 6]],
    ["--category-11", "solid"],
  ];
  const lines = ({ days, unit, series, band }) => {
    const look = frame();
    const { text, line, common } = look;
    const format = FORMATS[unit];
    const told = (value) => (value === null || value === undefined ? "—" : format(value));
    const drawn = series.map(({ name, values }, index) => {
      const [colour, type] = LINES[index % LINES.length];
      const style = { color: token(colour) };
      return { name, type: "line", symbol: "none", lineStyle: { ...style, width: 2, type }, itemStyle: style, data: values };
    });
    const edge = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false }, silent: true };
    const shade = { color: token("--category-2"), opacity: 0.18 };
    const bands = band
      ? [
          { ...edge, name: "low", stackStrategy: "all", data: band.low },
          { ...edge, name: band.name, stackStrategy: "all", itemStyle: shade, areaStyle: shade, data: band.high.map((high, day) => high - band.low[day]) },
        ]
      : [];
    const names = [...series.map(({ name }) => name), ...(band ? [band.name] : [])];
    return {
      height: 260,
      ...common,
      grid: { left: 4, right: 16, top: 12, bottom: names.length > 1 ? 34 : 8, containLabel: true },
      legend: names.length > 1 ? { type: "scroll", bottom: 0, data: names, textStyle: { color: text } } : { show: false },
      tooltip: {
        ...common.tooltip,
        trigger: "axis",
        formatter: ([{ dataIndex }]) =>
          [
            days[dataIndex],
            ...series.map(({ name, values }) => `${name} ${told(values[dataIndex])}`),
            ...(band ? [`${band.name} ${told(band.low[dataIndex])} to ${told(band.high[dataIndex])}`] : []),
          ].join("\n"),
      },
      xAxis: {
        type: "category",
        data: days,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: line } },
        axisLabel: { color: text, ...byMonth(days) },
      },
      yAxis: axis(look, format),
      series: [...bands, ...drawn],
    };
  };
  // Two returns of each day, and the slope of the line through them.
  const scatter = ({ x, y, points, slope }) => {
    const look = frame();
    const { text, common } = look;
    const named = (name) => ({ ...axis(look, percent), name, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: text } });
    const xs = points.map(([value]) => value);
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [middleX, middleY] = [mean(xs), mean(points.map(([, value]) => value))];
    const ends = [Math.min(...xs), Math.max(...xs)].map((value) => [value, middleY + slope * (value - middleX)]);
    return {
      height: 260,
      ...common,
      grid: { left: 28, right: 16, top: 12, bottom: 34, containLabel: true },
      tooltip: {
        ...common.tooltip,
        formatter: ({ data: [across, up, day] }) => `${day}\n${x} ${percent(across)}\n${y} ${percent(up)}`,
      },
      xAxis: named(x),
      yAxis: { ...named(y), nameGap: 56 },
      series: [
        { type: "scatter", symbolSize: 5, itemStyle: { color: token("--category-2"), opacity: 0.7 }, data: points },
        ...(slope === null
          ? []
          : [{ type: "line", symbol: "none", silent: true, lineStyle: { color: text, type: [6, 3] }, tooltip: { show: false }, data: ends }]),
      ],
    };
  };
  // Volatility and effective bets along one share, the range that is allowed and what is tried.
  const path = ({ points, share, low, high }) => {
    const look = frame();
    const { text, common } = look;
    const along = (key) => points.map((point) => [point.share, point[key]]);
    const line = (name, key, place, yAxisIndex) => {
      const [colour, type] = LINES[place];
      const style = { color: token(colour) };
      return { name, type: "line", symbol: "none", yAxisIndex, lineStyle: { ...style, width: 2, type }, itemStyle: style, data: along(key) };
    };
    const volatility = line("Volatility", "volatility", 0, 0);
    const quiet = { silent: true, label: { color: text, position: "insideTop", distance: 4 } };
    volatility.markLine = { ...quiet, symbol: "none", label: { show: false }, lineStyle: { color: text, width: 1.5, type: "solid" }, data: [{ xAxis: share }] };
    if (low !== null) {
      const area = { color: token("--tblr-primary"), opacity: 0.12 };
      volatility.markArea = { ...quiet, itemStyle: area, data: [[{ name: "Profile's range", xAxis: low }, { xAxis: high }]] };
    }
    return {
      height: 280,
      ...common,
      grid: { left: 4, right: 8, top: 12, bottom: 34, containLabel: true },
      legend: { bottom: 0, data: ["Volatility", "Effective bets"], textStyle: { color: text } },
      tooltip: {
        ...common.tooltip,
        trigger: "axis",
        formatter: ([{ dataIndex }]) => {
          const point = points[dataIndex];
          return `Bitcoin ${percent(point.share)}\nVolatility ${percent(point.volatility)}\nEffective bets ${FORMATS.ratio(point.bets)}`;
        },
      },
      xAxis: { ...axis(look, (value) => `${Math.round(value * 100)} %`), scale: false, min: 0, max: 1, splitNumber: 5 },
      yAxis: [axis(look, (value) => `${Math.round(value * 100)} %`), { ...axis(look, FORMATS.ratio), splitLine: { show: false } }],
      series: [volatility, line("Effective bets", "bets", 1, 1)],
    };
  };
  const KINDS = { path, weights, values, regimes, lines, scatter };

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
