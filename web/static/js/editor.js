export function areasPage(main) { main.replaceChildren(); return () => {}; }
