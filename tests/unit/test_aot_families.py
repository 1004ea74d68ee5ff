"""An operator family has one name, and every operator is compared with TFLite-Micro."""

from host.base.paths import CODE, ROOT
from host.engines.aot.operators import FAMILIES, LOWERINGS
from tests.aot.models import DRAWS


def test_a_family_has_the_same_name_in_host_firmware_and_tests() -> None:
    families = sorted(family.__name__.rpartition(".")[2] for family in FAMILIES)
    kernels = CODE / "engines" / "aot" / "kernels"
    assert sorted(path.name for path in kernels.iterdir() if path.is_dir()) == families
    for family in families:
        assert (kernels / family / f"{family}.h").exists()
        assert (ROOT / "tests" / "aot" / f"{family}.py").exists()
        assert (ROOT / "tests" / "unit" / f"test_aot_{family}.py").exists()


def test_every_operator_is_drawn() -> None:
    # TFLite-Micro has no TILE; test_aot_folding.py compares it with NumPy's.
    assert {name.split()[0] for name in DRAWS} == set(LOWERINGS) - {"TILE"}
