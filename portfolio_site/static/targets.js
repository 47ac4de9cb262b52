// Says while one types what is missing to 100 %. The server says it too, and decides.
"use strict";
(() => {
  // Seven decimals, as whole numbers: floats would call 0.1 + 0.2 too much.
  const DECIMALS = 7;
  const UNIT = 10n ** BigInt(DECIMALS);
  const WHOLE = 100n * UNIT;
  const NUMBER = new RegExp(`^\\+?(\\d*)(?:\\.(\\d{0,${DECIMALS}}))?$`);

  const parse = (text) => {
    const match = NUMBER.exec(text.trim());
    return match && BigInt(match[1] || 0) * UNIT + BigInt((match[2] || "").padEnd(DECIMALS, "0"));
  };
  const format = (units) => {
    const decimals = (units % UNIT).toString().padStart(DECIMALS, "0").replace(/0+$/, "");
    return inStyle(`${units / UNIT}${decimals && `.${decimals}`}`);
  };
  const words = (sum) => {
    if (sum === WHOLE) return "complete";
    return sum < WHOLE ? `${format(WHOLE - sum)} % left` : `${format(sum - WHOLE)} % too much`;
  };

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-target-weight]")) return;
    const form = event.target.form;
    const weights = [...form.querySelectorAll("[data-target-weight]")].map((input) => parse(input.value));
    const known = weights.every((weight) => weight !== null);
    const sum = weights.reduce((total, weight) => total + (weight ?? 0n), 0n);
    form.querySelector("[data-targets-sum]").textContent = `${format(sum)} %`;
    form.querySelector("[data-targets-remainder]").textContent = known ? words(sum) : "not a number";
  });
})();
