export function systemPage(main) { main.replaceChildren(); return () => {}; }
