"""What the guides need of albumentations, where it is not installed: the matrices that its documentation gives.

A mask takes the nearest pixel, an image too; keypoints are (x, y) between centres of pixels.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.dropin.shapes.cv2_affine import warp_affine


@dataclass
class KeypointParams:
    format: str
    remove_invisible: bool = True


class Transform:
    def __init__(self, *, p: float = 0.5) -> None:
        self.p = p

    def matrix(self, rng: np.random.Generator, height: int, width: int) -> NDArray:
        raise NotImplementedError

    def colour(self, rng: np.random.Generator, image: NDArray) -> NDArray:
        return image


class HorizontalFlip(Transform):
    def matrix(self, rng: np.random.Generator, height: int, width: int) -> NDArray:
        return np.array([[-1.0, 0.0, width - 1], [0.0, 1.0, 0.0]])


class VerticalFlip(Transform):
    def matrix(self, rng: np.random.Generator, height: int, width: int) -> NDArray:
        return np.array([[1.0, 0.0, 0.0], [0.0, -1.0, height - 1]])


class Affine(Transform):
    def __init__(
        self, *, rotate: tuple[float, float], scale: tuple[float, float], p: float, mask_interpolation: int
    ) -> None:
        super().__init__(p=p)
        self.rotate, self.scale = rotate, scale
        assert mask_interpolation == 0

    def matrix(self, rng: np.random.Generator, height: int, width: int) -> NDArray:
        angle, scale = math.radians(rng.uniform(*self.rotate)), rng.uniform(*self.scale)
        turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        return np.hstack([turn, (centre - turn @ centre)[:, None]])


class RandomBrightnessContrast(Transform):
    def matrix(self, rng: np.random.Generator, height: int, width: int) -> NDArray:
        return np.eye(2, 3)

    def colour(self, rng: np.random.Generator, image: NDArray) -> NDArray:
        return np.clip(image * rng.uniform(0.9, 1.1), 0, 255).astype(image.dtype)


class Compose:
    def __init__(self, transforms: list[Transform], keypoint_params: KeypointParams | None = None) -> None:
        self.transforms, self.keypoint_params = transforms, keypoint_params
        self.set_random_seed(0)

    def set_random_seed(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *, image: NDArray, mask: NDArray, keypoints: list | None = None) -> dict:
        height, width = mask.shape
        for transform in self.transforms:
            if self.rng.random() < transform.p:
                matrix = transform.matrix(self.rng, height, width)
                image, mask = (warp_affine(one, matrix, (width, height)) for one in (image, mask))
                image = transform.colour(self.rng, image)
                keypoints = keypoints and [tuple(matrix @ (x, y, 1.0)) for x, y in keypoints]
        assert keypoints is None or self.keypoint_params == KeypointParams("xy", remove_invisible=False)
        return {"image": image, "mask": mask, **({} if keypoints is None else {"keypoints": keypoints})}
