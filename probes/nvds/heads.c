/* The search for heads of probes/redaction/heads.py, step by step, for probes/nvds/native_heads.py (through ctypes).
 *
 * The Python module is the one to read and to change: tests hold this file to the same answer, to the last bit, on
 * random films. So all sums are done in its order, in doubles, without fused multiply and add (-ffp-contract=off).
 * Functions return a count, or a negative number: then nothing has been found, and the frame must be covered whole.
 */
#include "heads.h"

static const int64_t UNSURE_NS = 300000000, LONGEST_NS = 3000000000, RAISED_NS = 3000000000, RARE_NS = 300000000;
static const int LEAST_FRAMES = 2;

enum { BY_DETECTOR, BY_HOLD, BY_ESTIMATE };  /* reasons of MaskRecord */

API int32_t
msh_nvds_heads_layout (uint32_t sizes[5])
{
  sizes[0] = sizeof (SeenRecord);
  sizes[1] = sizeof (HeadRecord);
  sizes[2] = sizeof (MaskRecord);
  sizes[3] = sizeof (WatchRecord);
  sizes[4] = sizeof (PlaceRecord);
  return MAX_HEADS;
}

static int
is_bad (Rect b)
{
  return !(isfinite (b.x + b.w) && isfinite (b.y + b.h)) || b.w < 0 || b.h < 0;
}

static Rect
grown (Rect b, double share)
{
  double dx = b.w * share, dy = b.h * share;
  return (Rect) {b.x - dx, b.y - dy, b.w + 2 * dx, b.h + 2 * dy};
}

static Rect
both (Rect a, Rect b)
{
  double left = smaller (a.x, b.x), top = smaller (a.y, b.y);
  return (Rect) {left, top, larger (a.x + a.w, b.x + b.w) - left, larger (a.y + a.h, b.y + b.h) - top};
}

static Rect
reaching (Rect head, double low, double raised)
{
  double more = smaller (low - head.y, DEEPEST * head.h);
  more = larger (more, CHIN * head.h) + raised;
  return more <= head.h ? head : (Rect) {head.x, head.y, head.w, more};
}

static double
rise_of (Rect before, Rect after)
{
  double least = smaller (before.y - after.y, after.h - before.h);
  int alike = before.w <= UNLIKE * after.w && after.w <= UNLIKE * before.w;
  return alike && 0 < least && least <= REACH * before.h ? least : 0;
}

static double
raised (const HeadRecord * head)
{
  return head->has & HAS_STOOD && head->has & HAS_PERSON ? rise_of (head->stood, head->person) : 0;
}

static void
set_standing (HeadRecord * head, const HeadRecord * before, int is_face, int64_t now, double bottom)
{
  Rect person = head->person;
  if (before && !is_face && before->has & HAS_STOOD && now - before->stood_at <= RAISED_NS &&
      rise_of (before->stood, person) > 0) {
    head->stood = before->stood;
    head->stood_at = before->stood_at;
    head->has |= HAS_STOOD;
    return;
  }
  head->stood_at = now;
  if (person.y + person.h >= WHOLE * bottom)
    return;
  head->stood = person;
  head->has |= HAS_STOOD;
}

/* Set the velocity of `head`: the mean of the last one and of the last step, no faster than people run. */
static void
set_velocity (HeadRecord * head, const HeadRecord * before, const Rect * person, int64_t now, int is_tracked,
    int is_face)
{
  double dx, dy;
  if (!before)
    return;
  int64_t elapsed = now - before->seen_at;
  int is_unlike = 0;
  if (elapsed > 0 && person && !is_tracked && before->has & HAS_PERSON) {
    double ratio = person->w / before->person.w;
    is_unlike = !(1 / UNLIKE <= ratio && ratio <= UNLIKE);
  }
  if (person && !(before->has & HAS_PERSON) && !is_face)
    is_unlike = 1;
  if (elapsed <= 0 || is_unlike) {
    if (before->has & MOVES) {
      head->vx = before->vx;
      head->vy = before->vy;
      head->has |= MOVES;
    }
    return;
  }
  if (person && before->has & HAS_PERSON && !is_face) {
    shift (before->person, *person, &dx, &dy);
  } else {
    dx = middle_x (head->box) - middle_x (before->box);
    dy = middle_y (head->box) - middle_y (before->box);
  }
  double limit = FASTEST * (head->box.h > head->box.w ? head->box.h : head->box.w) / 1e9;
  double vx = dx / elapsed, vy = dy / elapsed;
  if (before->has & MOVES) {
    vx = (vx + before->vx) / 2;
    vy = (vy + before->vy) / 2;
  }
  head->vx = larger (smaller (vx, limit), -limit);
  head->vy = larger (smaller (vy, limit), -limit);
  head->has |= MOVES;
}

static void
add_evidence (HeadRecord * head, const HeadRecord * before, int is_sure)
{
  head->first_at = before ? before->first_at : head->seen_at;
  if (!before || before->has & HAS_FIRST)
    head->has |= HAS_FIRST;
  if (is_sure || (before && before->has & IS_SURE))
    head->has |= IS_SURE;
}

static Rect
mask_of (const HeadRecord * head, int by, double margin, int64_t hold, int64_t now)
{
  int has_face = head->has & HAS_FACE;
  int64_t since = has_face ? head->face_at : head->seen_at;
  double share = has_face ? margin : 0.0;
  if (by == BY_HOLD && hold) {
    double growth = has_face ? GROWTH : ESTIMATE_GROWTH, step = has_face ? STEP : 0.0;
    share += growth * (double) (now - since) / (double) hold + step;
  }
  double more = has_face ? raised (head) : 0;
  Rect here = grown (head->box, share), there = here;
  here.h += more;
  if (!(head->has & MOVES) || head->seen_at == now)
    return both (here, here);
  there = grown (moved (head->box, head, now - head->seen_at), share);
  there.h += more;
  return both (here, there);
}

/* Find for each person where a face of before is, carried along with it, where that is known. */
static void
find_held (Work * w, int64_t hold, double width, int64_t now)
{
  for (int i = 0; i < w->n_persons; i++) {
    int number = w->matches[i].number;
    const HeadRecord *before = &w->old[number < 0 ? 0 : number];
    Rect box = w->persons[i]->box;
    double dx, dy;
    w->is_held[i] = 0;
    if (number < 0 || !(before->has & HAS_PERSON) || !(before->has & HAS_FACE) || now - before->face_at > hold)
      continue;
    shift (before->person, box, &dx, &dy);
    w->held[i] = (Rect) {before->box.x + dx, before->box.y + dy, before->box.w, before->box.h};
    int is_cut = box.x <= 1 || box.y <= 1 || box.x + box.w >= width - 1;
    w->is_held[i] = !is_cut && fits (w->held[i], head_of (box));
  }
}

static void
follow_person (Work * w, int i, const HeadRecord * before, const WatchRecord * watch, int64_t now, MaskRecord ** mask)
{
  const SeenRecord *seen = w->persons[i];
  Match match = w->matches[i];
  HeadRecord *head = &w->heads[w->n_heads++];
  Rect box = seen->box;
  int by = BY_ESTIMATE;
  int64_t hold = watch->hold;
  double margin = watch->margin;
  *head = (HeadRecord) {0};
  head->seen_at = now;
  head->person = box;
  head->track = seen->track;
  head->has = HAS_PERSON | (seen->track >= 0 ? HAS_TRACK : 0);
  if (w->owner[i] >= 0) {
    by = BY_DETECTOR;
    head->box = w->sure_faces[w->owner[i]];
    head->face_at = now;
    head->has |= HAS_FACE;
  } else if (w->is_held[i]) {
    by = BY_HOLD;
    head->box = w->held[i];
    head->face_at = before->face_at;
    head->has |= HAS_FACE;
  }
  head->depth = before ? before->depth : 0;
  if (by == BY_DETECTOR)
    head->depth = head->box.y + head->box.h + margin * head->box.h - box.y;
  set_standing (head, before, by == BY_DETECTOR, now, watch->height);
  if (by == BY_ESTIMATE)
    head->box = reaching (head_of (box), box.y + head->depth, raised (head));
  int is_face = by == BY_DETECTOR && before && before->has & HAS_FACE && before->face_at == before->seen_at;
  set_velocity (head, before, &box, now, seen->track >= 0, is_face);
  add_evidence (head, match.sure ? before : NULL, seen->kind == SEEN_PERSON || by == BY_DETECTOR);
  if (by != BY_DETECTOR)
    *(*mask)++ = (MaskRecord) {mask_of (head, by, margin, hold, now), by, 0};
  if (by == BY_ESTIMATE && before && match.sure && before->has & HAS_FACE && now - before->face_at <= hold) {
    /* The held face no longer moves with its person. */
    HeadRecord *loose = &w->unmatched[w->n_unmatched++];
    int64_t at = before->face_at;
    *loose = (HeadRecord) {0};
    loose->box = moved (before->box, before, at - before->seen_at);
    loose->seen_at = loose->face_at = at;
    loose->track = -1;
    loose->vx = before->vx;
    loose->vy = before->vy;
    loose->has = HAS_FACE | IS_SURE | (before->has & MOVES);
  }
}

static int64_t
locate (Work * w, const SeenRecord * seen, int n_seen, int64_t now, WatchRecord * watch)
{
  HeadRecord *heads = watch->heads;
  double width = watch->width, margin = watch->margin;
  int64_t hold = watch->hold;
  MaskRecord *masks = watch->masks, *mask = masks;
  for (int i = 0; i < n_seen; i++) {
    Rect box = seen[i].box;
    if (is_bad (box))
      return BAD_BOX;
    if (!(box.w * box.h > 0) || seen[i].kind >= SEEN_OTHER)
      continue;
    if (seen[i].kind != SEEN_FACE) {
      w->persons[w->n_persons++] = &seen[i];
      continue;
    }
    double ratio = box.w / box.h;
    w->faces[w->n_faces++] = box;
    if (seen[i].confidence >= SURE && SLIMMEST <= ratio && ratio <= 1 / SLIMMEST)
      w->sure_faces[w->n_sure++] = box;
  }
  for (int64_t i = 0; i < watch->n_heads; i++) {
    int64_t age = now - heads[i].seen_at, limit = hold;
    if (!(heads[i].has & IS_SURE) && heads[i].has & HAS_FIRST) {
      int64_t seen_for = UNSURE_NS + heads[i].seen_at - heads[i].first_at;
      limit = seen_for < limit ? seen_for : limit;
    }
    if (age <= limit || (heads[i].missed < LEAST_FRAMES && age <= LONGEST_NS))
      w->old[w->n_old++] = heads[i];
  }
  if (match_persons (w, now))
    return NO_MEMORY;
  find_held (w, hold, width, now);
  char *ended = w->left;
  memset (ended, 0, w->n_old);
  for (int i = 0; i < w->n_persons; i++)
    if (w->matches[i].number >= 0)
      ended[w->matches[i].number] = w->matches[i].sure ? 2 : 1;
  for (int n = 0; n < w->n_old; n++) {
    HeadRecord *head = &w->old[n];
    if (!ended[n] && head->has & IS_SURE && !head->missed && now - head->seen_at > RARE_NS)
      head->has |= IS_LONE; /* nobody knows where it went meanwhile */
    if (ended[n] < 2)
      w->unmatched[w->n_unmatched++] = *head;
  }
  if (find_owners (w, now))
    return NO_MEMORY;
  for (int i = 0; i < w->n_faces; i++)
    *mask++ = (MaskRecord) {grown (w->faces[i], margin), BY_DETECTOR, 0};
  for (int i = 0; i < w->n_persons; i++) {
    int number = w->matches[i].number;
    follow_person (w, i, number < 0 ? NULL : &w->old[number], watch, now, &mask);
  }
  for (int i = 0; i < w->n_faces; i++) {
    int owned = 0;
    for (int p = 0; p < w->n_persons && !owned; p++)
      owned = w->owner[p] >= 0 && same (w->faces[i], w->sure_faces[w->owner[p]]);
    if (!owned)
      w->open[w->n_open++] = w->faces[i];
  }
  if (match_faces (w, now))
    return NO_MEMORY;
  memset (ended, 0, w->n_unmatched);
  for (int i = 0; i < w->n_open; i++) {
    Match match = w->matches[i];
    const HeadRecord *before = match.number < 0 ? NULL : &w->unmatched[match.number];
    HeadRecord *head = &w->heads[w->n_heads++];
    int is_sure = 0;
    *head = (HeadRecord) {0};
    head->box = w->open[i];
    head->seen_at = head->face_at = now;
    head->track = match.sure ? before->track : -1;
    head->has = HAS_FACE | (match.sure ? before->has & HAS_TRACK : 0);
    set_velocity (head, before, NULL, now, 0, 0);
    for (int n = 0; n < w->n_sure && !is_sure; n++)
      is_sure = same (w->open[i], w->sure_faces[n]);
    add_evidence (head, match.sure ? before : NULL, is_sure);
    if (match.sure)
      ended[match.number] = 1;
    else if (before)
      w->unmatched[match.number].has &= ~IS_LONE;
  }
  int left = 0;
  for (int n = 0; n < w->n_unmatched; n++) {
    if (ended[n])
      continue;
    HeadRecord lost = w->unmatched[n];
    /* Boxes that come and go at the threshold jump faster than anybody runs. */
    if (!(lost.has & (IS_SURE | HAS_FACE)) && lost.has & MOVES) {
      double limit = FASTEST_UNSURE * (lost.box.h > lost.box.w ? lost.box.h : lost.box.w) / 1e9;
      lost.vx = larger (smaller (lost.vx, limit), -limit);
      lost.vy = larger (smaller (lost.vy, limit), -limit);
    }
    Rect place = mask_of (&lost, BY_HOLD, margin, hold, now);
    if (lost.has & IS_LONE)
      place = both (within_walk (&lost, now), place);
    *mask++ = (MaskRecord) {place, BY_HOLD, 0};
    w->unmatched[n].has &= ~IS_LONE;
    w->unmatched[left++] = w->unmatched[n];
  }
  if (w->n_heads + left > MAX_HEADS)
    return TOO_MANY;
  memcpy (heads, w->heads, w->n_heads * sizeof *heads);
  for (int n = 0; n < left; n++) {
    heads[w->n_heads + n] = w->unmatched[n];
    heads[w->n_heads + n].missed++;
  }
  watch->n_heads = w->n_heads + left;
  for (MaskRecord *one = masks; one < mask; one++)
    if (is_bad (one->box))
      return BAD_BOX;
  return mask - masks;
}

/* Find what to cover on a frame. Where it fails before all is found, the heads stay as they were. */
API int64_t
msh_nvds_locate (const SeenRecord * seen, int64_t n_seen, int64_t now, WatchRecord * watch)
{
  if (n_seen < 0 || n_seen > MAX_SEEN || watch->n_heads < 0 || watch->n_heads > MAX_HEADS)
    return TOO_MANY;
  size_t s = (size_t) n_seen + 1, o = (size_t) watch->n_heads + 1;
  size_t of_heads = o + s + (o + s), bytes = of_heads * sizeof (HeadRecord) + s * sizeof (void *) +
      4 * s * sizeof (Rect) + s * sizeof (Match) + s * sizeof (int) + 2 * (o + s) + s;
  char *memory = malloc (bytes), *at = memory;
  Work w = {0};
  if (!memory)
    return NO_MEMORY;
#define PART(part, count) (w.part = (void *) at, at += (count) * sizeof *w.part)
  PART (old, o);
  PART (heads, s);
  PART (unmatched, o + s);
  PART (persons, s);
  PART (faces, s);
  PART (sure_faces, s);
  PART (open, s);
  PART (held, s);
  PART (matches, s);
  PART (owner, s);
  PART (left, o + s);
  PART (right, o + s);
  PART (is_held, s);
  int64_t found = locate (&w, seen, (int) n_seen, now, watch);
  free (w.pairs);
  free (memory);
  return found;
}

/* Write masks as boxes in whole pixels of the surface, as probes/nvds/surface.py does; return how many lie on it. */
API int64_t
msh_nvds_covers (const void * masks_at, int64_t count, const PlaceRecord * place, BoxRecord * boxes)
{
  const MaskRecord *masks = masks_at;
  BoxRecord *box = boxes;
  int32_t across = place->across, down = place->down, smallest = place->smallest, opaque = place->opaque;
  double scale_x = across / place->width, scale_y = down / place->height;
  for (; count > 0; count--, masks++) {
    Rect m = masks->box;
    double left = m.x * scale_x, top = m.y * scale_y, right = (m.x + m.w) * scale_x, bottom = (m.y + m.h) * scale_y;
    if (!(isfinite (left) && isfinite (top) && isfinite (right) && isfinite (bottom)))
      return BAD_BOX;
    left = floor (left), top = floor (top), right = ceil (right), bottom = ceil (bottom);
    if (right - left < smallest || bottom - top < smallest || left < 0 || top < 0 || right > across || bottom > down) {
      left = larger (0, left), top = larger (0, top);
      right = smaller (across, right), bottom = smaller (down, bottom);
      if (right <= left || bottom <= top)
        continue;
      left = larger (0, smaller (left, across - smallest)), top = larger (0, smaller (top, down - smallest));
      right = left + larger (right - left, smallest), bottom = top + larger (bottom - top, smallest);
    }
    *box++ = (BoxRecord) {(int32_t) left, (int32_t) top, (int32_t) (right - left), (int32_t) (bottom - top), opaque};
  }
  return box - boxes;
}
