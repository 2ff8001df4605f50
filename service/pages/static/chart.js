// Draws the charts that people want to zoom into; their numbers stand in the table beside them.
// Plotly comes as a script of its own before this module.

for (const place of document.querySelectorAll("[data-chart]")) {
  const { data, layout } = JSON.parse(place.dataset.chart);
  globalThis.Plotly.newPlot(place, data, layout, { responsive: true, displayModeBar: false, displaylogo: false });
}
