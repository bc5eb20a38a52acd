// Files that are dragged onto the page, and pasted. Words are left to the browser.

let isOwn = false; // what is dragged comes from this page, such as a result on its way to a folder
addEventListener("dragstart", () => { isOwn = true; });
addEventListener("dragend", () => { isOwn = false; });
addEventListener("dragenter", ({ relatedTarget }) => { if (!relatedTarget) isOwn = false; }); // it comes from outside

const bringsFiles = ({ dataTransfer }) => !isOwn && dataTransfer.types.includes("Files");

/** Take the files that are dropped on `place`, an element or the document; `shown` is marked meanwhile. Returns how to end that. */
export function takeDropped(place, shown, take) {
  const over = (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    shown.classList.add("over");
  };
  const leave = ({ relatedTarget }) => { if (!place.contains(relatedTarget)) shown.classList.remove("over"); };
  const drop = (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    shown.classList.remove("over");
    take(event.dataTransfer.files);
  };
  return listen(place, { dragover: over, dragleave: leave, drop });
}

/** Take the files that are pasted, such as a picture of the screen. Returns how to end that. */
export function takePasted(take) {
  const paste = (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  };
  return listen(document, { paste });
}

/** A file that misses its place is not taken: the browser would open it in place of the page. */
export function keepPage() {
  const over = (event) => {
    if (event.defaultPrevented || !bringsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  listen(window, { dragover: over, drop: (event) => bringsFiles(event) && event.preventDefault() });
}

function listen(target, calls) {
  for (const [kind, call] of Object.entries(calls)) target.addEventListener(kind, call);
  return () => { for (const [kind, call] of Object.entries(calls)) target.removeEventListener(kind, call); };
}
