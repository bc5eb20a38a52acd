/* What the files of the reader share: errors, and records that Python packs and unpacks, too. */
#pragma once
#include <stdint.h>

#define API __attribute__ ((visibility ("default")))

/* What functions return where they fail. */
#define NO_META (-1)       /* a buffer without batch metadata */
#define BAD_LIST (-2)      /* a list is not as long as its owner says */
#define TOO_SMALL (-3)     /* the caller's memory; needed[] says how much */
#define NO_OBJECT (-4)     /* the pool gave none */
#define BAD_TENSOR (-5)    /* tensor metadata without tensors, or of another kind */
#define BAD_SURFACE (-6)   /* a surface that cannot be copied from */
#define BAD_BOX (-7)       /* a box without an end, or with a negative side */
#define TOO_MANY (-8)      /* more heads than can be followed */
#define NO_MEMORY (-9)
#define NOT_HERE (-10)     /* a frame that only Python can do */

enum { SEEN_PERSON, SEEN_DOUBTFUL, SEEN_FACE, SEEN_OTHER }; /* kinds; heads are those of the first two */

typedef struct {
  double x, y, w, h;
} Rect;

/* max (a, b) and min (a, b) of Python. */
static inline double larger (double a, double b) { return b > a ? b : a; }
static inline double smaller (double a, double b) { return b < a ? b : a; }

/* An object of the metadata. */
typedef struct {
  int32_t component, class_id;
  uint64_t number;
  float confidence, left, top, width, height;
  uint32_t unused;
  uint64_t meta, rectangle;
} ObjectRecord;

/* A detection in pixels of the camera. */
typedef struct {
  Rect box;
  double confidence;
  int64_t track; /* -1 without */
  int32_t kind, label;
} SeenRecord;

/* A box to cover, in pixels of the surface. */
typedef struct {
  int32_t left, top, width, height, opaque;
} BoxRecord;

/* How masks in pixels of a camera's frame, of width and height, become boxes of a surface of across and down, and
 * further boxes beside them. smallest: side of a box; opaque: of the masks' boxes. */
typedef struct {
  double width, height;
  int32_t across, down, smallest, opaque;
  const BoxRecord *more;
  int64_t n_more;
} PlaceRecord;
