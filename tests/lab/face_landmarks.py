"""Landmarks of the face in videos, by MediaPipe's face mesh, whose networks are in its package.

    face_landmarks.py

Reads one request a line and writes one answer a line, until the input ends:

    {"box": [x, y, width, height] or null, "video": PATH of a YUV4MPEG2 file, 4:2:0 of 8 bits}
    {"box": the same, or where the face was found, "faces": [one for each picture, or null]}

A face is looked for inside the box only, which is found first where none is given: around what the
detector sees in every fifth picture, with a margin. `box` is null where it sees a face in too few. Each
picture stands for itself, without what the ones before it showed: what is measured is the picture.

A face is {"outline": box of the whole mesh, "eyes": [right, left], "mouth": the inner lips, "nose":
[bridge, base]}, points in pixels [x, y]. An eye is outer corner, two points of the upper lid, inner
corner, the two of the lower lid below those; the mouth is right corner, left corner, three points of
the upper lip, the three of the lower lip below those. `mouth_outline` is the box of the outer lips.
"""

import json
import os
import sys

# What the native libraries have to say about themselves is of no use here; errors of Python are.
sys.stderr = os.fdopen(os.dup(2), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

import cv2
import numpy as np
from mediapipe.python.solutions.face_detection import FaceDetection
from mediapipe.python.solutions.face_mesh import FaceMesh

# Numbers of the points in the canonical face model of MediaPipe.
EYES = [[33, 160, 158, 133, 153, 144], [263, 387, 385, 362, 380, 373]]
INNER_LIPS = [78, 308, 82, 13, 312, 87, 14, 317]
OUTER_LIPS = [61, 291, 0, 17, 37, 267, 84, 314, 40, 270, 91, 321]
NOSE = [168, 2]
EVERY = 5
LEAST_DETECTED = 0.5  # of the pictures looked at
MARGIN = 0.35  # around what the detector sees, which is brows to chin


def main():
    mesh = FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1)
    for line in sys.stdin:
        request = json.loads(line)
        box = request["box"] or located(request["video"])
        faces = box and [face(mesh, picture, box) for picture in pictures(request["video"])]
        print(json.dumps({"box": box, "faces": faces or []}), flush=True)


def pictures(path):
    """The pictures of a video, red, green, blue."""
    with open(path, "rb") as file:
        header = file.readline().split()
        sizes = {field[:1]: int(field[1:]) for field in header[1:] if field[:1] in (b"W", b"H")}
        width, height = sizes[b"W"], sizes[b"H"]
        if width % 2 or height % 2:
            raise ValueError(f"{path}: a side of an odd number of pixels")
        while file.readline():
            planes = np.frombuffer(file.read(width * height * 3 // 2), np.uint8)
            yield cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420)


def located(path):
    """A box around where the face is nearly all the time, or None."""
    seen, looked_at, shape = [], 0, None
    with FaceDetection(model_selection=1, min_detection_confidence=0.5) as detector:
        for at, picture in enumerate(pictures(path)):
            shape = picture.shape
            if at % EVERY:
                continue
            looked_at += 1
            for detection in (detector.process(picture).detections or [])[:1]:
                box = detection.location_data.relative_bounding_box
                seen.append([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
    if not seen or len(seen) < LEAST_DETECTED * looked_at:
        return None
    height, width, _ = shape
    low = np.percentile(seen, 2, axis=0)[:2]
    high = np.percentile(seen, 98, axis=0)[2:]
    margin = MARGIN * (high - low)
    left, top = np.clip(low - margin, 0, 1) * (width, height)
    right, bottom = np.clip(high + margin, 0, 1) * (width, height)
    return [int(left), int(top), int(right - left), int(bottom - top)]


def face(mesh, picture, box):
    left, top, width, height = box
    found = mesh.process(np.ascontiguousarray(picture[top : top + height, left : left + width]))
    if not found.multi_face_landmarks:
        return None
    points = np.array([[point.x, point.y] for point in found.multi_face_landmarks[0].landmark])
    points = np.round(points * (width, height) + (left, top), 2)
    return {
        "outline": box_of(points),
        "eyes": [points[eye].tolist() for eye in EYES],
        "mouth": points[INNER_LIPS].tolist(),
        "mouth_outline": box_of(points[OUTER_LIPS]),
        "nose": points[NOSE].tolist(),
    }


def box_of(points):
    """Left, top, right, bottom."""
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


if __name__ == "__main__":
    main()
