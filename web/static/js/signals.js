// What a phone does beside showing something: it sounds, and keeps its screen on.

let sound = null;
let awake = null;

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

/** Keep the screen on while free, where the browser can (over https). */
export async function keepAwake(wanted) {
  if (wanted && !awake && navigator.wakeLock && !document.hidden) {
    awake = await navigator.wakeLock.request("screen").catch(() => null);
    awake?.addEventListener("release", () => { awake = null; });
  } else if (!wanted && awake) {
    await awake.release().catch(() => {});
  }
}
