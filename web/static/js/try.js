export function tryPage(main) { main.replaceChildren(); return () => {}; }
