/* A frame's objects as detections, for probes/nvds/native_detections.py (through ctypes).
 *
 * CameraMeta._detect_here of probes/nvds/camera.py is the one to read and to change: tests hold this file to it.
 * What changes a camera's memory is left to it: for a new track, or a frame that was redacted already, this file
 * answers nothing, and Python does the frame.
 */
#include "records.h"

#define UNTRACKED UINT64_MAX

typedef struct {
  int32_t component, class_id, kind, label;
} ClassRecord;

typedef struct {
  uint64_t number; /* the tracker's */
  int64_t track;   /* our own */
} NameRecord;

/* What an object's drawing depends on: kind -1 is none of ours. hidden: its middle lies behind a privacy mask. */
typedef struct {
  int32_t kind, hidden;
  int64_t track;
} SightRecord;

/* A corner of a polygon, from 0 to 1 of the frame. */
typedef struct {
  double x, y;
} Corner;

/* A camera. corners, ends: of its privacy masks, one behind the other. across, down: from the surface to a frame of
 * width and height. counted: confidence below which a person is doubtful. tag: the component of redaction tags. */
typedef struct {
  const ClassRecord *classes;
  const Corner *corners;
  const int64_t *ends;
  const NameRecord *names;
  int64_t n_classes, n_polygons, n_names, tag;
  double across, down, width, height, counted;
} CameraRecord;

API int32_t
msh_nvds_detections_layout (uint32_t sizes[5])
{
  sizes[0] = sizeof (SeenRecord);
  sizes[1] = sizeof (ClassRecord);
  sizes[2] = sizeof (NameRecord);
  sizes[3] = sizeof (SightRecord);
  sizes[4] = sizeof (CameraRecord);
  return SEEN_OTHER;
}

/* Whether a person among the first `count` objects has this number of the tracker. */
static int
is_taken (const ObjectRecord * objects, const SightRecord * sights, int64_t count, uint64_t number)
{
  for (int64_t i = 0; i < count; i++)
    if (sights[i].kind == SEEN_PERSON && objects[i].number == number)
      return 1;
  return 0;
}

static int64_t
track_of (const NameRecord * names, int64_t count, uint64_t number)
{
  for (int64_t n = 0; n < count; n++)
    if (names[n].number == number)
      return names[n].track;
  return -1;
}

/* As `contains` of probes/people/zones.py. */
static int
contains (const Corner * corners, int64_t count, double x, double y)
{
  int inside = 0;
  double x1 = corners[count - 1].x, y1 = corners[count - 1].y;
  for (int64_t i = 0; i < count; i++) {
    double x2 = corners[i].x, y2 = corners[i].y;
    double side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
    if (side == 0 && smaller (x1, x2) <= x && x <= larger (x1, x2) && smaller (y1, y2) <= y && y <= larger (y1, y2))
      return 1;
    if ((y1 > y) != (y2 > y) && (side > 0) == (y2 > y1))
      inside = !inside;
    x1 = x2;
    y1 = y2;
  }
  return inside;
}

/* Write a detection for each object of a known class, and a sight for each object; return how many detections.
 * seen, sights: room for `count`. */
API int64_t
msh_nvds_detect (const ObjectRecord * objects, int64_t count, const CameraRecord * camera, SeenRecord * seen,
    SightRecord * sights)
{
  const ClassRecord *class = 0;
  int64_t found = 0;
  for (int64_t n = 0, begin = 0; n < camera->n_polygons; begin = camera->ends[n++])
    if (camera->ends[n] <= begin)
      return NOT_HERE;
  for (int64_t i = 0; i < count; i++) {
    const ObjectRecord *object = &objects[i];
    if (object->component == camera->tag)
      return NOT_HERE;
    if (!i || object->class_id != object[-1].class_id || object->component != object[-1].component) {
      class = 0; /* those of a class lie side by side */
      for (int64_t n = 0; n < camera->n_classes && !class; n++)
        if (camera->classes[n].component == object->component && camera->classes[n].class_id == object->class_id)
          class = &camera->classes[n];
    }
    if (!class) {
      sights[i] = (SightRecord) {-1, 0, -1};
      continue;
    }
    int32_t kind = class->kind;
    int64_t track = -1;
    Rect box = {object->left * camera->across, object->top * camera->down, object->width * camera->across,
      object->height * camera->down};
    double x = (box.x + box.w / 2) / camera->width, y = (box.y + box.h / 2) / camera->height;
    int hidden = 0;
    for (int64_t n = 0, begin = 0; n < camera->n_polygons && !hidden; begin = camera->ends[n++])
      hidden = contains (camera->corners + begin, camera->ends[n] - begin, x, y);
    if (kind == SEEN_PERSON) {
      track = track_of (camera->names, camera->n_names, object->number);
      if (track < 0 && 0 <= object->confidence && object->confidence < camera->counted)
        kind = SEEN_DOUBTFUL;
      else if (object->number == UNTRACKED || is_taken (objects, sights, i, object->number))
        track = -1;
      else if (track < 0 && !hidden)
        return NOT_HERE;
    }
    double sure = 0 <= object->confidence && object->confidence <= 1 ? object->confidence : 0;
    seen[found++] = (SeenRecord) {box, sure, track, kind, class->label};
    sights[i] = (SightRecord) {kind, hidden, track};
  }
  return found;
}
