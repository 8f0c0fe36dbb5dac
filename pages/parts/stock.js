// What Streamlit itself says, in the visitor's language: its own words are English in every app. And its blocks of code
// can be scrolled sideways by mouse alone, unless they can have the focus.

(({ pairs, to }) => {
  const quoted = (text) => text.replace(/[.*+?^$()|[\]\\/]/g, "\\$&");
  const pattern = (template) => new RegExp(`^${quoted(template).replace(/\{\w+\}/g, "(.*)")}$`, "s");
  const known = pairs.map((pair) => ({ from: pair.map(pattern), said: pair[to] }));
  const NAMES = ["aria-label", "title", "placeholder"];

  function translated(text) {
    for (const { from, said } of known) {
      const found = from.map((each) => text.match(each)).find(Boolean);
      if (found) return said.replace(/\{\w+\}/, found[1] ?? "");
    }
    return text;
  }

  function put(read, write) {
    const before = read();
    const after = before && before.length < 200 ? translated(before) : before;
    if (after !== before) write(after);
  }

  function visit(node) {
    if (node.nodeType === Node.TEXT_NODE) put(() => node.nodeValue, (text) => (node.nodeValue = text));
    else if (node.nodeType === Node.ELEMENT_NODE) {
      for (const name of NAMES) put(() => node.getAttribute(name), (text) => node.setAttribute(name, text));
      if (node.tagName === "PRE") node.tabIndex = 0;
      node.childNodes.forEach(visit);
    }
  }

  document.torchlightStock?.disconnect();
  document.torchlightStock = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "childList") addedNodes.forEach(visit);
      else visit(target);
    }
  });
  visit(document.body);
  document.torchlightStock.observe(document.body, {
    subtree: true, childList: true, characterData: true, attributeFilter: NAMES,
  });
})
