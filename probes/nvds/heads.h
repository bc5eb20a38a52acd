/* What the search for heads (heads.c) and its matching (head_matching.c) share. */
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

#define MAX_HEADS 1000
#define MAX_SEEN 4096

static const double HEAD_TO_WIDTH = 0.60, HEAD_TO_HEIGHT = 0.15, HEADROOM = 0.15, DEEPEST = 1.4, GROWTH = 0.5,
    ESTIMATE_GROWTH = 0.2, STEP = 0.4, FASTEST = 12.0, FASTEST_UNSURE = 5.0, FURTHEST = 3.0, ASIDE = 1.0, GONE_ON = 0.5,
    SAME_PERSON = 0.15, RENUMBERED = 0.6, SURE = 0.5, SLIMMEST = 0.55, UNLIKE = 1.5, CHIN = 0.87, REACH = 0.4, WHOLE = 0.98,
    WALK = 0.6, UPRIGHT = 0.5;

enum { HAS_FACE = 1, HAS_PERSON = 2, HAS_TRACK = 4, MOVES = 8, HAS_FIRST = 16, IS_SURE = 32, HAS_STOOD = 64, IS_LONE = 128 };

typedef struct {
  Rect box, person, stood;
  double vx, vy, depth;
  int64_t seen_at, face_at, first_at, stood_at, track;
  int32_t missed, has;
} HeadRecord;

typedef struct {
  Rect box;
  int32_t by, unused;
} MaskRecord;

/* Of one camera, from frame to frame. heads: room for MAX_HEADS, n_heads of them followed; masks: room for those of a
 * frame, MAX_HEADS and two for each detection. width, height: of its frames, px. */
typedef struct {
  HeadRecord *heads;
  MaskRecord *masks;
  int64_t n_heads, hold;
  double width, height, margin;
} WatchRecord;

typedef struct {
  double rank, second;
  int32_t left, right;
} Pair;

typedef struct {
  int32_t number; /* -1: none */
  int32_t sure;
} Match;

/* What a frame needs besides its records; all of it is freed at its end. */
typedef struct {
  HeadRecord *old, *heads, *unmatched;
  const SeenRecord **persons;
  Rect *faces, *sure_faces, *open;
  Rect *held;      /* by person: where the face of its earlier head is now */
  char *is_held;   /* by person: whether that is known */
  int *owner;      /* by person: number of its sure face, or -1 */
  Match *matches;  /* by person, then by open face */
  char *left, *right;
  Pair *pairs;
  int n_old, n_heads, n_unmatched, n_persons, n_faces, n_sure, n_open;
  size_t n_pairs, most_pairs;
} Work;

static inline double middle_x (Rect b) { return b.x + b.w / 2; }
static inline double middle_y (Rect b) { return b.y + b.h / 2; }
static inline int same (Rect a, Rect b) { return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h; }

static inline Rect
moved (Rect b, const HeadRecord * h, int64_t ns)
{
  if (!(h->has & MOVES))
    return b;
  return (Rect) {b.x + h->vx * ns, b.y + h->vy * ns, b.w, b.h};
}

static inline Rect
within_walk (const HeadRecord * h, int64_t now)
{
  Rect b = h->box;
  double fastest = h->has & HAS_FACE ? FASTEST : FASTEST_UNSURE;
  double far = WALK * fastest * (b.h > b.w ? b.h : b.w) * (double) (now - h->seen_at) / 1e9;
  return (Rect) {b.x - far, b.y - UPRIGHT * far, b.w + 2 * far, b.h + 2 * UPRIGHT * far};
}

static inline Rect
head_of (Rect p)
{
  double by_width = p.w * HEAD_TO_WIDTH, by_height = p.h * HEAD_TO_HEIGHT;
  double height = by_height > by_width ? by_height : by_width;
  height = height < p.h ? height : p.h;
  return (Rect) {p.x, p.y - HEADROOM * height, p.w, (1 + HEADROOM) * height};
}

static inline int
fits (Rect face, Rect head)
{
  double x = face.x + face.w / 2, y = face.y + face.h / 2;
  return head.x <= x && x <= head.x + head.w && head.y <= y && y <= head.y + head.h && 0.3 * head.h <= face.h &&
      face.h <= 1.5 * head.h;
}

static inline void
shift (Rect before, Rect after, double *dx, double *dy)
{
  *dx = (after.x + after.w / 2) - (before.x + before.w / 2);
  *dy = after.y - before.y;
}

/* head_matching.c; 0, or NO_MEMORY. */
int find_owners (Work * w, int64_t now);
int match_persons (Work * w, int64_t now);
int match_faces (Work * w, int64_t now);
