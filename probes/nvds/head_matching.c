/* Which head belongs to which person and face, as probes/redaction/head_matching.py says, for heads.c. */
#include "heads.h"

static double
overlap_of (Rect a, Rect b)
{
  double width = smaller (a.x + a.w, b.x + b.w) - larger (a.x, b.x);
  double height = smaller (a.y + a.h, b.y + b.h) - larger (a.y, b.y);
  double common = width > 0 && height > 0 ? width * height : 0;
  return common > 0 ? common / (a.w * a.h + b.w * b.h - common) : 0;
}

static int
rising (const void *a, const void *b)
{
  const Pair *p = a, *q = b;
  if (p->rank != q->rank)
    return p->rank < q->rank ? -1 : 1;
  if (p->second != q->second)
    return p->second < q->second ? -1 : 1;
  return p->left != q->left ? (p->left < q->left ? -1 : 1) : (p->right > q->right) - (p->right < q->right);
}

static int
falling (const void *a, const void *b)
{
  return rising (b, a);
}

static int
add_pair (Work * w, double rank, double second, int left, int right)
{
  if (w->n_pairs == w->most_pairs) {
    size_t most = w->most_pairs ? 2 * w->most_pairs : 64;
    Pair *more = realloc (w->pairs, most * sizeof *more);
    if (!more)
      return NO_MEMORY;
    w->pairs = more;
    w->most_pairs = most;
  }
  w->pairs[w->n_pairs++] = (Pair) {rank, second, left, right};
  return 0;
}

/* Keep of the pairs, best first, those of which neither side had a better one. */
static void
one_each (Work * w, int lefts, int rights, int (*order) (const void *, const void *))
{
  size_t kept = 0;
  if (w->n_pairs)
    qsort (w->pairs, w->n_pairs, sizeof *w->pairs, order);
  memset (w->left, 0, lefts);
  memset (w->right, 0, rights);
  for (size_t i = 0; i < w->n_pairs; i++) {
    Pair p = w->pairs[i];
    if (w->left[p.left] || w->right[p.right])
      continue;
    w->left[p.left] = w->right[p.right] = 1;
    w->pairs[kept++] = p;
  }
  w->n_pairs = kept;
}

static double
away_from (Rect face, Rect place)
{
  double away = larger (fabs (middle_x (face) - middle_x (place)), fabs (middle_y (face) - middle_y (place)));
  return away / larger (place.w, place.h);
}

/* Whether a face is not that of a person who was seen before: aside of where it was, or nearer to where that of one is
 * whose person was not found. */
static int
is_others (const Work * w, int i, Rect face, int64_t now)
{
  double away = w->is_held[i] ? away_from (face, w->held[i]) : GONE_ON, nearest = GONE_ON;
  for (int n = 0; n < w->n_unmatched; n++) {
    const HeadRecord *other = &w->unmatched[n];
    if (other->has & HAS_TRACK)
      nearest = smaller (nearest, away_from (face, moved (other->box, other, now - other->seen_at)));
  }
  return away > ASIDE || (nearest < GONE_ON && nearest < away);
}

int
find_owners (Work * w, int64_t now)
{
  w->n_pairs = 0;
  for (int i = 0; i < w->n_persons; i++) {
    Rect person = w->persons[i]->box, head = head_of (person);
    w->owner[i] = -1;
    for (int n = 0; n < w->n_sure; n++) {
      Rect face = w->sure_faces[n];
      if (!fits (face, head) || (w->matches[i].sure && is_others (w, i, face, now)))
        continue;
      double away = fabs (middle_x (face) - middle_x (head)) + fabs (middle_y (face) - middle_y (head));
      if (add_pair (w, away / person.w, 0, i, n))
        return NO_MEMORY;
    }
  }
  one_each (w, w->n_persons, w->n_sure, rising);
  for (size_t i = 0; i < w->n_pairs; i++)
    w->owner[w->pairs[i].left] = w->pairs[i].right;
  return 0;
}

/* By track, then by overlap; without overlap, or with little and of another track, it may be another: good for the
 * velocity, not to end a hold. */
int
match_persons (Work * w, int64_t now)
{
  int taken = 0, n_free = 0;
  char *used = w->right;
  memset (used, 0, w->n_old);
  for (int i = 0; i < w->n_persons; i++) {
    w->matches[i] = (Match) {-1, 0};
    int64_t track = w->persons[i]->track;
    for (int n = w->n_old - 1; track >= 0 && n >= 0; n--) /* of two heads of one track the last one counts */
      if (w->old[n].has & HAS_TRACK && w->old[n].track == track) {
        if (!used[n]) {
          w->matches[i] = (Match) {n, 1};
          used[n] = 1;
          taken++;
        }
        break;
      }
    n_free += w->matches[i].number < 0;
  }
  if (!n_free || taken == w->n_old)
    return 0;
  w->n_pairs = 0;
  for (int n = 0; n < w->n_old; n++) {
    HeadRecord *head = &w->old[n];
    if (used[n] || !(head->has & HAS_PERSON))
      continue;
    Rect expected = moved (head->person, head, now - head->seen_at);
    double reach = smaller (FURTHEST, FASTEST * (double) (now - head->seen_at) / 1e9) * larger (head->box.w, head->box.h);
    for (int i = 0; i < w->n_persons; i++) {
      double dx, dy;
      if (w->matches[i].number >= 0)
        continue;
      Rect box = w->persons[i]->box;
      double overlap = overlap_of (expected, box);
      shift (expected, box, &dx, &dy);
      double away = larger (fabs (dx), fabs (dy));
      if ((overlap >= SAME_PERSON || away <= reach) && add_pair (w, overlap, -away, i, n))
        return NO_MEMORY;
    }
  }
  one_each (w, w->n_persons, w->n_old, falling);
  for (size_t i = 0; i < w->n_pairs; i++) {
    Pair p = w->pairs[i];
    int two_tracks = w->persons[p.left]->track >= 0 && w->old[p.right].has & HAS_TRACK;
    w->matches[p.left] = (Match) {p.right, p.rank >= (two_tracks ? RENUMBERED : SAME_PERSON)};
  }
  return 0;
}

/* Nearest first; further than a face away it may be another's: good for the velocity, not to end a hold. */
int
match_faces (Work * w, int64_t now)
{
  w->n_pairs = 0;
  for (int i = 0; i < w->n_open; i++)
    w->matches[i] = (Match) {-1, 0};
  for (int n = 0; n < w->n_unmatched; n++) {
    HeadRecord *head = &w->unmatched[n];
    Rect at = moved (head->box, head, now - head->seen_at);
    double x = middle_x (at), y = middle_y (at);
    double reach = smaller (FURTHEST, 1 + FASTEST * (double) (now - head->seen_at) / 1e9);
    for (int i = 0; i < w->n_open; i++) {
      Rect face = w->open[i];
      double size = larger (face.w, face.h), ratio = head->box.w / face.w;
      double away = larger (fabs (middle_x (face) - x), fabs (middle_y (face) - y)) / size;
      if (away <= reach && 0.5 <= ratio && ratio <= 2 && add_pair (w, away, 0, i, n))
        return NO_MEMORY;
    }
  }
  one_each (w, w->n_open, w->n_unmatched, rising);
  for (size_t i = 0; i < w->n_pairs; i++)
    w->matches[w->pairs[i].left] = (Match) {w->pairs[i].right, w->pairs[i].rank < 1};
  return 0;
}
