import pytest
import torch
from semimedref.data.views import blur, normalise, photometric, to_unit, zoom
from semimedref.draws import seeded
from torchvision.transforms.functional import gaussian_blur


@pytest.fixture
def images():
    return torch.rand(6, 1, 20, 24, generator=seeded(0))


def test_normalised_images_have_mean_0_and_deviation_1(images):
    out = normalise(3 * images + 5)
    assert torch.allclose(out.mean(dim=(1, 2, 3)), torch.zeros(6), atol=1e-5)
    assert torch.allclose(out.std(dim=(1, 2, 3), correction=0), torch.ones(6), atol=1e-5)


def test_bytes_fill_the_unit_interval():
    assert to_unit(torch.tensor([[[[0, 255]]]], dtype=torch.uint8)).flatten().tolist() == [0.0, 1.0]


def test_photometric_changes_stay_in_range_and_touch_most_images(images):
    out = photometric(images, seeded(1))
    assert out.min() >= 0 and out.max() <= 1
    assert (out != images).flatten(1).any(dim=1).sum() >= 4


def test_blur_is_torchvisions(images):
    for index, sigma in enumerate((0.3, 0.7, 1.1)):
        ours = blur(images[index : index + 1], torch.tensor([sigma]))
        theirs = gaussian_blur(images[index : index + 1], [7, 7], [sigma, sigma])
        inner = (..., slice(3, -3), slice(3, -3))  # torchvision reflects at the edge, we repeat
        assert torch.allclose(ours[inner], theirs[inner], atol=1e-5)


def test_each_image_is_blurred_by_its_own_width(images):
    widths = torch.linspace(0.2, 1.5, 6)
    together = blur(images, widths)
    apart = torch.cat([blur(images[i : i + 1], widths[i : i + 1]) for i in range(6)])
    assert torch.allclose(together, apart, atol=1e-6)


def test_zoom_moves_image_and_mask_together():
    squares = torch.zeros(4, 1, 40, 40)
    squares[..., 12:28, 10:20] = 1
    images, masks = zoom(squares, squares > 0.5, seeded(2), p=1.0)
    disagree = (images > 0.5) != masks
    assert (masks.flatten(1).sum(1) != 160).any()
    assert disagree.flatten(1).sum(1).max() <= 12  # only on the rim


def test_zoom_leaves_the_others_alone():
    image = torch.rand(3, 1, 9, 9)
    out, _ = zoom(image, image > 0.5, seeded(3), p=0.0)
    assert torch.allclose(out, image, atol=1e-5)


def test_views_follow_from_the_generator_alone(images):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert torch.equal(photometric(images, seeded(4)), photometric(images, seeded(4)))
    assert torch.equal(torch.get_rng_state(), state)
