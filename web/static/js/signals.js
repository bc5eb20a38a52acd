// What a phone does beside showing something: it sounds, and keeps its screen on.

let sound = null;
let awake = null; // the lock that is held
let wanted = false;
let isNews = false;
let isSettling = false;

/** Browsers allow sound only after a touch. */
export function unlockSound() {
  const Context = window.AudioContext ?? window.webkitAudioContext;
  if (!sound && Context) sound = new Context();
  sound?.resume?.();
}

export function beep() {
  if (sound?.state !== "running") return;
  for (const [at, pitch] of [[0, 880], [0.18, 1175]]) {
    const tone = sound.createOscillator();
    const level = sound.createGain();
    tone.frequency.value = pitch;
    level.gain.setValueAtTime(0.25, sound.currentTime + at);
    level.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + at + 0.16);
    tone.connect(level).connect(sound.destination);
    tone.start(sound.currentTime + at);
    tone.stop(sound.currentTime + at + 0.17);
  }
}

/** Keep the screen on while that is wanted, where the browser can (over https). One lock at a time: what is wanted may
 * change while the browser is still asked, and a lock that nobody knows of holds the screen for ever. */
export async function keepAwake(given) {
  wanted = given;
  isNews = true;
  if (isSettling) return;
  isSettling = true;
  while (isNews) {
    isNews = false;
    await settle();
  }
  isSettling = false;
}

async function settle() {
  const held = awake;
  if (wanted && !held && navigator.wakeLock && !document.hidden) {
    const lock = await navigator.wakeLock.request("screen").catch(() => null);
    lock?.addEventListener("release", () => { if (awake === lock) awake = null; });
    awake = lock;
  } else if (!wanted && held) {
    awake = null;
    await held.release().catch(() => {});
  }
}
