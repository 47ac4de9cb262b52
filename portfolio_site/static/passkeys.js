// Says in words when the browser got no key: allauth's scripts alone would only log it.
"use strict";
document.addEventListener("allauth.error", (event) => {
  const problem = document.getElementById("passkey-problem");
  if (!problem) return;
  event.preventDefault();
  problem.textContent =
    event.detail.exception?.name === "InvalidStateError"
      ? "This key is already one of yours."
      : "The browser got no answer from a key. Try again, or choose another way.";
  problem.classList.add("d-block");
});
