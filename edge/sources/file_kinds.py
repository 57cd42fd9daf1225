"""Which files are pictures and which are videos."""

from pathlib import Path

_PICTURES = "jpg jpeg jpe jfif png gif bmp webp tif tiff ppm pgm pbm pnm jp2 avif"
_VIDEOS = "mp4 mov avi mkv webm m4v mpg mpeg mjpeg mjpg wmv"
PICTURE_SUFFIXES = frozenset("." + suffix for suffix in _PICTURES.split())
VIDEO_SUFFIXES = frozenset("." + suffix for suffix in _VIDEOS.split())


def is_picture_file(path: Path) -> bool:
    """Whether a file is a picture, by its name."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def is_video_file(path: Path) -> bool:
    """Whether a file is a video, by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES
