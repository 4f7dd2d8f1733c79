"""Contact sheets of videos.

    face_sheet.py REQUEST

The request is a JSON file: {"columns": [{"title", "caption", "video": PATH of a YUV4MPEG2 file}],
"moments": [{"at": number of a picture, "caption"}], "face": [left, top, right, bottom],
"face_sheet": PATH of a PNG file to write, "frame_sheet": PATH of another}. Rows are moments; the first
sheet shows the face alone, the second one whole pictures.
"""

import json
import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FACE_HEIGHT = 240
FRAME_HEIGHT = 200
TITLE_HEIGHT = 34
ROW_WIDTH = 110
GAP = 4


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    moments = request["moments"]
    columns = [
        [picture(column["video"], moment["at"]) for moment in moments]
        for column in request["columns"]
    ]
    left, top, right, bottom = request["face"]
    faces = [[image[top:bottom, left:right] for image in column] for column in columns]
    sheet(request, faces, FACE_HEIGHT).save(request["face_sheet"])
    sheet(request, columns, FRAME_HEIGHT).save(request["frame_sheet"])


def picture(path, at):
    """One picture of a video: rows x columns x red, green, blue."""
    with open(path, "rb") as file:
        fields = file.readline().split()
        sizes = {field[:1]: int(field[1:]) for field in fields[1:] if field[:1] in (b"W", b"H")}
        width, height = sizes[b"W"], sizes[b"H"]
        length = width * height * 3 // 2
        file.seek(at * (len(b"FRAME\n") + length) + len(b"FRAME\n"), 1)
        planes = np.frombuffer(file.read(length), np.uint8)
    return cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420)


def sheet(request, columns, height):
    rows = len(request["moments"])
    first = columns[0][0].shape
    width = max(1, round(first[1] * height / first[0]))
    size = (
        ROW_WIDTH + (width + GAP) * len(columns),
        TITLE_HEIGHT + (height + GAP) * rows,
    )
    image = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for at, moment in enumerate(request["moments"]):
        y = TITLE_HEIGHT + at * (height + GAP)
        text = f"picture {moment['at']}\n" + moment["caption"].strip().replace(" ", "\n")
        draw.multiline_text((GAP, y), text, "black", font)
    for at, column in enumerate(request["columns"]):
        x = ROW_WIDTH + at * (width + GAP)
        draw.multiline_text((x, 1), f"{column['title']}\n{column['caption']}", "black", font, spacing=1)
        for row, pixels in enumerate(columns[at]):
            scaled = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
            image.paste(scaled, (x, TITLE_HEIGHT + row * (height + GAP)))
    return image


if __name__ == "__main__":
    main()
