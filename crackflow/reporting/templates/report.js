"use strict";
// A chart says what lies nearest to the pointer, or, by the arrow keys, at the next place.
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg"), says = chart.querySelector(".says");
  const spots = [...svg.querySelectorAll(".hit")].map((mark) => {
    const title = mark.querySelector("title"), words = title.textContent;
    title.remove(); // or the browser would show the same words twice
    return {mark, words, x: mark.cx.baseVal.value, y: mark.cy.baseVal.value};
  });
  let at = -1;
  const show = (next) => {
    if (at >= 0) spots[at].mark.classList.remove("on");
    at = next;
    if (at >= 0) spots[at].mark.classList.add("on");
    says.textContent = at >= 0 ? spots[at].words : "";
  };
  const nearest = (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const far = (spot) => Math.hypot(spot.x - place.x, spot.y - place.y);
    show(spots.reduce((best, spot, index) => (best < 0 || far(spot) < far(spots[best]) ? index : best), -1));
  };
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  svg.addEventListener("pointerleave", () => show(-1));
  svg.addEventListener("blur", () => show(-1));
  svg.addEventListener("keydown", (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    show(Math.min(Math.max(at + by, 0), spots.length - 1));
    event.preventDefault();
  });
}
