// First page: cameras beside the people ranked by who to serve next.

import { announce, h, icon, reveal, say } from "./dom.js";
import * as format from "./format.js";
import { boxNow, linkState, newest, on } from "./link.js";
import { PeopleList, keyOf } from "./people.js";
import { t } from "./strings.js";
import { Tile } from "./tile.js";

export function floorPage(main) {
  const tiles = new Map();
  let people = [];
  let chosen = null;
  let pointed = null;

  const wall = h("div", { class: "wall", role: "group", "aria-label": t("system.cameras"), tabIndex: 0 });
  const old = h("div", { class: "notice bad", hidden: true }, icon("warn"), h("span"));
  const standsOut = () => pointed ?? chosen;
  const point = (key) => {
    pointed = key;
    show(false);
  };
  const pick = (key, scroll) => {
    chosen = chosen === key ? null : key;
    show(scroll && chosen !== null);
    if (!scroll && chosen) reveal(tiles.get(chosen.split("/")[0])?.node);
  };
  const show = (scroll) => {
    for (const tile of tiles.values()) tile.choose(standsOut());
    list.choose(standsOut(), scroll);
  };
  const enlarge = (camera) => {
    wall.classList.toggle("single");
    for (const tile of tiles.values()) {
      tile.node.hidden = wall.classList.contains("single") && tile.camera !== camera;
    }
  };
  const list = new PeopleList({ point, pick });
  main.replaceChildren(h("div", { class: "floor" }, h("div", { class: "scene" }, old, wall), list.node));

  const takeCameras = ({ cameras }) => {
    for (const [id, tile] of tiles) {
      if (tile.title === format.title(id) && cameras.some((camera) => camera.id === id)) continue;
      tile.end();
      tile.node.remove();
      tiles.delete(id);
    }
    const isSingle = () => wall.classList.contains("single");
    const isShown = () => [...tiles.values()].some((tile) => !tile.node.hidden);
    if (isSingle() && !isShown()) { // the one that was enlarged is gone
      wall.classList.remove("single");
      for (const tile of tiles.values()) tile.node.hidden = false;
    }
    for (const [place, camera] of cameras.entries()) {
      if (!tiles.has(camera.id)) {
        const tile = new Tile(camera.id, { point, pick, enlarge });
        tile.node.hidden = isSingle() && isShown();
        tiles.set(camera.id, tile);
        wall.insertBefore(tile.node, wall.children[place] ?? null);
        tile.people(people.filter((person) => person.camera === camera.id), standsOut());
      }
      tiles.get(camera.id).update(camera);
    }
    wall.dataset.count = Math.min(tiles.size, 9);
  };
  const takeFloor = (floor) => {
    people = floor.people.filter((person) => person.rank !== null).map((person) => ({ ...person, key: keyOf(person) }));
    const served = floor.people.filter((person) => person.served_at && person.visible);
    if (!people.some((person) => person.key === chosen)) chosen = null;
    if (!people.some((person) => person.key === pointed)) pointed = null;
    list.update(people, standsOut(), served);
    for (const [id, tile] of tiles) tile.people(people.filter((person) => person.camera === id), standsOut());
  };
  const tick = () => {
    for (const tile of tiles.values()) tile.check();
    const { up, silentMs } = linkState();
    const wasHidden = old.hidden;
    old.hidden = up || silentMs === null;
    list.node.classList.toggle("stale", !old.hidden);
    if (!old.hidden && newest.floor) {
      const at = format.clock(boxNow() - silentMs);
      say(old.lastChild, t("link.old", { age: format.duration(silentMs), at }));
      if (wasHidden) announce(old.textContent); // once: its age is another one each second
    }
  };
  const ends = [on("cameras", takeCameras), on("floor", takeFloor), on("link", tick)];
  const timer = setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  return () => {
    ends.forEach((end) => end());
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
    for (const tile of tiles.values()) tile.end();
  };
}
