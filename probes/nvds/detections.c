/* A frame's objects as detections, for probes/nvds/native_detections.py (through ctypes).
 *
 * CameraMeta._detect of probes/nvds/camera.py is the one to read and to change: tests hold this file to its answer.
 * What changes a camera's memory is left to it: for a new track, or a frame that was redacted already, this file
 * answers nothing, and Python does the frame.
 */
#include "records.h"

#define NOT_HERE (-10) /* a frame that only Python can do */
#define UNTRACKED UINT64_MAX

typedef struct {
  int32_t component, class_id, kind, label;
} ClassRecord;

typedef struct {
  uint64_t number; /* the tracker's */
  int64_t track;   /* our own */
} NameRecord;

/* What an object's drawing depends on: kind -1 is none of ours. */
typedef struct {
  int64_t kind, track;
} SightRecord;

API int32_t
msh_nvds_detections_layout (uint32_t sizes[4])
{
  sizes[0] = sizeof (SeenRecord);
  sizes[1] = sizeof (ClassRecord);
  sizes[2] = sizeof (NameRecord);
  sizes[3] = sizeof (SightRecord);
  return SEEN_OTHER;
}

static int
is_taken (const SeenRecord * seen, int64_t found, int64_t track)
{
  for (int64_t i = 0; i < found; i++)
    if (seen[i].track == track)
      return 1;
  return 0;
}

/* Write a detection for each object of a known class, and a sight for each object; return how many detections.
 * counted: confidence below which a person is doubtful. tag: the component of redaction tags. seen, sights: room for
 * `count`. */
API int64_t
msh_nvds_detect (const ObjectRecord * objects, int64_t count, const ClassRecord * classes, int64_t n_classes,
    const NameRecord * names, int64_t n_names, double across, double down, double counted, int32_t tag,
    SeenRecord * seen, SightRecord * sights)
{
  const ClassRecord *class = 0;
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) {
    const ObjectRecord *object = &objects[i];
    if (object->component == tag)
      return NOT_HERE;
    if (!i || object->class_id != object[-1].class_id || object->component != object[-1].component) {
      class = 0; /* those of a class lie side by side */
      for (int64_t n = 0; n < n_classes && !class; n++)
        if (classes[n].component == object->component && classes[n].class_id == object->class_id)
          class = &classes[n];
    }
    if (!class) {
      sights[i] = (SightRecord) {-1, -1};
      continue;
    }
    int32_t kind = class->kind;
    int64_t track = -1;
    if (kind == SEEN_PERSON) {
      for (int64_t n = 0; n < n_names && track < 0; n++)
        if (names[n].number == object->number)
          track = names[n].track;
      if (track < 0 && 0 <= object->confidence && object->confidence < counted)
        kind = SEEN_DOUBTFUL;
      else if (track < 0 && object->number != UNTRACKED)
        return NOT_HERE;
      else if (track >= 0 && is_taken (seen, found, track))
        track = -1;
    }
    double sure = 0 <= object->confidence && object->confidence <= 1 ? object->confidence : 0;
    seen[found++] = (SeenRecord) {
      {object->left * across, object->top * down, object->width * across, object->height * down},
      sure, track, kind, class->label};
    sights[i] = (SightRecord) {kind, track};
  }
  return found;
}
