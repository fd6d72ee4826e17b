// What a person would notice of a page, as JSON: run in the page by the tests, after its details were opened.
((width) => {
  const name = (e) => e.tagName.toLowerCase() + (e.className.baseVal ?? e.className ? '.' + (e.className.baseVal ?? e.className) : '') + ' ' + e.textContent.trim().slice(0, 40);
  const all = [...document.querySelectorAll('body *')];
  const seen = (e) => {
    const r = e.getBoundingClientRect();
    return e.checkVisibility() && r.width > 1 && r.height > 1 && !e.closest('.hidden');
  };
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const contrast = (e) => {
    const style = getComputedStyle(e);
    const text = luminance(rgb(e.namespaceURI.endsWith('svg') ? style.fill : style.color)), paper = luminance(behind(e));
    return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
  };
  const written = all.filter((e) => seen(e) && [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim()));
  const ids = all.map((e) => e.id).filter(Boolean);
  return JSON.stringify({
    width: document.documentElement.scrollWidth,
    outside: all.filter((e) => seen(e) && !e.closest('svg') && e.getBoundingClientRect().right > width + 0.5).map(name),
    cut: all.filter((e) => seen(e) && !e.closest('svg') && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline').map(name),
    headings: all.filter((e) => /^H[1-6]$/.test(e.tagName)).map((e) => Number(e.tagName[1])),
    contrast: Math.min(...written.map(contrast)),
    faint: written.filter((e) => contrast(e) < 4.5).map((e) => name(e) + ' ' + contrast(e).toFixed(2)),
    small: written.filter((e) => parseFloat(getComputedStyle(e).fontSize) * (e.closest('svg') ? e.closest('svg').getScreenCTM().a : 1) < 10.5).map(name),
    twice: ids.filter((id, i) => ids.indexOf(id) !== i),
    nowhere: [...document.querySelectorAll('a')].map((a) => a.getAttribute('href')).filter((h) => h[0] !== '#' || !document.getElementById(h.slice(1))),
    landmarks: ['header', 'nav', 'main', 'footer'].map((n) => document.querySelectorAll(n).length),
    active: all.filter((e) => ['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'LINK', 'FORM', 'INPUT', 'VIDEO'].includes(e.tagName) || [...e.attributes].some((a) => /^on/i.test(a.name))).map(name),
    unlabelled: [...document.querySelectorAll('section, figure, table')].filter((e) => !(document.getElementById(e.getAttribute('aria-labelledby')) ?? e.caption)?.textContent.trim()).map(name),
    pwned: String(window.pwned),
    title: document.title,
  });
})
