"""Program: pictures in, the landmarks of the face in each out. Runs in an environment of its own, see outside_eye.py.

landmarks.py WIDTH HEIGHT FILE: standard input is RGB pictures, 8 bit, one after the other. FILE becomes float32
[pictures, 478, 3], .npy: x, y and depth in pixels, NaN where no face was found. Each picture is seen as a photograph:
nothing is known from the ones before it.

Detector: MediaPipe FaceMesh with refined lips, eyes and irises (Y. Kartynnik et al., "Real-time facial surface geometry
from monocular video on mobile GPUs", 2019; I. Grishchenko et al., "Attention mesh", 2020).
"""

import sys
import types

import numpy as np

for drawing in ("cv2", "matplotlib", "matplotlib.pyplot"):  # MediaPipe imports them and only draws with them
    sys.modules[drawing] = types.ModuleType(drawing)

from mediapipe.python.solutions.face_mesh import FaceMesh  # noqa: E402

LANDMARKS = 478

width_px, height_px, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mesh = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
found = []
while picture := sys.stdin.buffer.read(width_px * height_px * 3):
    faces = mesh.process(np.frombuffer(picture, np.uint8).reshape(height_px, width_px, 3)).multi_face_landmarks
    if faces:
        found.append([(p.x * width_px, p.y * height_px, p.z * width_px) for p in faces[0].landmark])
    else:
        found.append([(np.nan,) * 3] * LANDMARKS)
np.save(file, np.array(found, np.float32))
