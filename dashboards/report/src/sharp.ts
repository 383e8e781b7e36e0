/**
 * Charts are drawn with at least two dots a CSS pixel, also on a screen that has one: paper has more. uPlot asks for the
 * ratio when it is loaded, so this must be imported before it.
 */
const real = window.devicePixelRatio;
Object.defineProperty(window, 'devicePixelRatio', { value: Math.max(2, real), configurable: true });
