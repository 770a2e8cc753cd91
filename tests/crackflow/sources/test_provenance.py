import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.params import SplitParams
from crackflow.sources import provenance
from crackflow.sources.provenance import NameRules

NAMES = NameRules.of(SplitParams())
source_of, parent_of = NAMES.source, NAMES.parent

# Names of the public set's own file lists: each source, each odd form.
PUBLIC = [
    ("CFD_049", "CFD", "CFD_049"),
    ("forest_049", "forest", "CFD_049"),
    ("Sylvie_Chambon_049", "Sylvie_Chambon", "CFD_049"),
    # numbers that CFD, which ends at 118, has not
    ("Sylvie_Chambon_206", "Sylvie_Chambon", "CFD_206"),
    ("Sylvie_Chambon_329", "Sylvie_Chambon", "CFD_329"),
    ("Sylvie_Chambon_Im_GT_ESAR_20a", "Sylvie_Chambon", "Sylvie_Chambon_ESAR_20"),
    ("Sylvie_Chambon_Im_noGT_ESAR_20a", "Sylvie_Chambon", "Sylvie_Chambon_ESAR_20"),
    ("CRACK500_20160307_144115_1281_1", "CRACK500", "CRACK500_20160307_144115"),
    ("CRACK500_20160328_154454_721_1", "CRACK500", "CRACK500_20160328_154454"),
    ("CRACK500_IMG_2931_1297_485", "CRACK500", "CRACK500_IMG_2931"),
    ("DeepCrack_11111", "DeepCrack", "DeepCrack_11111"),
    ("DeepCrack_11111-3", "DeepCrack", "DeepCrack_11111"),
    ("DeepCrack_IMG_6469-2", "DeepCrack", "DeepCrack_IMG_6469"),
    ("DeepCrack_IMG33-18", "DeepCrack", "DeepCrack_IMG33"),
    ("DeepCrack_IMG136", "DeepCrack", "DeepCrack_IMG136"),
    ("DeepCrack_7Q3A9060-14", "DeepCrack", "DeepCrack_7Q3A9060"),
    (
        "Rissbilder_for_Florian_9S6A2846_230_168_2768_2605",
        "Rissbilder_for_Florian",
        "Rissbilder_for_Florian_9S6A2846",
    ),
    # the whole photograph
    ("Rissbilder_for_Florian_9S6A2912_0_0_3840_5760", "Rissbilder_for_Florian", "Rissbilder_for_Florian_9S6A2912"),
    ("Volker_DSC01670_678_871_1022_989", "Volker", "Volker_DSC01670"),
    ("noncrack_noncrack_concrete_wall_20_54", "noncrack", "noncrack_noncrack_concrete_wall_20"),
    ("noncrack_noncrack_concrete_wall_2_0", "noncrack", "noncrack_noncrack_concrete_wall_2"),
    ("Eugen_Muller_4470_327_315_563_732", "Eugen_Muller", "Eugen_Muller_4470"),
    ("Eugen_Muller_8980_79_365_456_521", "Eugen_Muller", "Eugen_Muller_8980"),
    # another name of the same slab
    ("Eugen_Muller_8980a_123_420_527_438", "Eugen_Muller", "Eugen_Muller_8980"),
    ("GAPS384_train_0809_541_1", "GAPS384", "GAPS384_train_0809"),
    # three photographs of one number
    ("GAPS384_test_0016_541_641", "GAPS384", "GAPS384_test_0016"),
    ("GAPS384_valid_0016_541_1", "GAPS384", "GAPS384_valid_0016"),
    ("cracktree200_6243", "cracktree200", "cracktree200_6243"),
]

# The 24 pictures that the original shows, and how many photographs they are of.
MINI_TEST = """
    CFD_035 CFD_050 CFD_052 CFD_068 CFD_072 CFD_078 CFD_079 CFD_083 CFD_086 CFD_097 CFD_101 CFD_114
    CRACK500_20160222_080850_1281_721 CRACK500_20160222_081011_1_721 CRACK500_20160222_081031_1_721
    CRACK500_20160222_081113_1281_361 CRACK500_20160222_081113_1921_721 CRACK500_20160222_081113_641_361
    CRACK500_20160222_081839_1281_1081 CRACK500_20160222_081839_1921_361 CRACK500_20160222_081908_1281_361
    CRACK500_20160222_081908_1281_721 CRACK500_20160222_081908_641_361 CRACK500_20160222_114759_1281_1081
"""

STEMS = st.one_of(
    st.text(max_size=30),
    # what looks like a public name, but cut short or continued at random
    st.builds(
        lambda public, cut, more: public[0][:cut] + more,
        st.sampled_from(PUBLIC),
        st.integers(0, 60),
        st.text("_-0a.7", max_size=6),
    ),
)


@pytest.mark.parametrize(("stem", "source", "parent"), PUBLIC)
def test_public_names(stem, source, parent):
    assert (source_of(stem), parent_of(stem)) == (source, parent)


def test_the_original_s_24_are_19_photographs():
    """12 of CFD; of CRACK500 080850, 081011, 081031, 081113, 081839, 081908 and 114759: 12 crops of 7."""
    assert len({parent_of(stem) for stem in MINI_TEST.split()}) == 19
    assert {source_of(stem) for stem in MINI_TEST.split()} == {"CFD", "CRACK500"}


@pytest.mark.parametrize(
    ("stem", "source"),
    [
        ("IMG_1234", "IMG"),
        ("IMG1235", "IMG"),
        ("bridge-12", "bridge"),
        ("photo (3)", "photo"),
        ("Pfeiler süd 2", "Pfeiler süd"),
        ("11111", "photos"),
        ("kitchen", "photos"),
        ("P1030412", "photos"),
        ("facade_12", "facade"),
        ("abf31d7c-2f0e-4c0f-9d55-0d6a5a2f1b3c", "photos"),
        ("dead00beef00dead00beef", "photos"),
        ("_hidden", "photos"),
        # a known source's name, but not as a prefix of its own
        ("CFD", "photos"),
        ("forestry_12", "forestry"),
        # of a known source, but not as its names are
        ("CFD_wall", "CFD"),
        ("Volker_", "Volker"),
        ("noncrack_wall_3", "noncrack"),
        ("CRACK500_20160307", "CRACK500"),
    ],
)
def test_any_other_name_is_its_own_parent(stem, source):
    assert (source_of(stem), parent_of(stem)) == (source, stem)


# SOURCE_PHOTO-N as several sets of other surfaces are named: the crops of one photograph, and of another one.
@pytest.mark.parametrize(
    ("stem", "source", "parent"),
    [
        ("AigleRN_AIGLE_RN_F04a-3", "AigleRN", "AigleRN_AIGLE_RN_F04a"),
        ("CRACK500whole_CRACK500_20160222_114806-1", "CRACK500whole", "CRACK500whole_CRACK500_20160222_114806"),
        ("Ceramic_001-1", "Ceramic", "Ceramic_001"),
        ("ConcreteSamir_crack_o_10-1", "ConcreteSamir", "ConcreteSamir_crack_o_10"),
        ("DNIT_RS_386_386RS289112-2", "DNIT", "DNIT_RS_386_386RS289112"),
        ("DNITnegative_DNIT_RS_386_386RS289112-1", "DNITnegative", "DNITnegative_DNIT_RS_386_386RS289112"),
        ("GAPS384crops_GAPS384_test_0033_541_641-1", "GAPS384crops", "GAPS384crops_GAPS384_test_0033_541_641"),
        ("SDNETwalls_7069-15", "SDNETwalls", "SDNETwalls_7069"),
        ("ShadowCrack_test_14-2", "ShadowCrack", "ShadowCrack_test_14"),
        (
            "UAVCrackX_UAV_CrackX16_DJI_20231015160618_0026-3",
            "UAVCrackX",
            "UAVCrackX_UAV_CrackX16_DJI_20231015160618_0026",
        ),
        # of the known sources, too
        ("CFD_049-1", "CFD", "CFD_049"),
    ],
)
def test_crops_numbered_behind_a_hyphen_are_of_one_photograph(stem, source, parent):
    assert (source_of(stem), parent_of(stem)) == (source, parent)


@pytest.mark.parametrize(
    "stem",
    [
        # photographs that a camera or a person numbered: no source, or no photograph's own number before the hyphen
        "IMG-1",
        "20231015-2",
        "bridge_deck-12",
        # a date
        "photo_2023-10-05",
        "photo_2023-10-05_12-30-11",
        # more than two digits are no crop's number
        "road_66-123",
    ],
)
def test_a_number_behind_a_hyphen_that_may_be_a_photograph_s_own_joins_nothing(stem):
    assert NAMES.photograph(stem) is None
    assert parent_of(stem) == stem


@pytest.mark.parametrize(
    ("stem", "source"),
    [("IMG12edit_1", "IMG12edit"), ("DSC01612a_1", "DSC"), ("P1030412a_1", "photos"), ("a12b_1", "photos")],
)
def test_a_name_with_a_number_inside_is_told_from_a_camera_s_counter(stem, source):
    assert source_of(stem) == source


def test_patterns_are_tried_in_order_at_the_start_of_the_name():
    rules = NameRules(
        (r"(?P<photo>a\d)", r"(?P<site>\d+)", r"(?P<photo>[ab]+)"), (r"(?P<source>ab?)", r"(?P<source>b)")
    )
    assert [rules.photograph(stem) for stem in ("a1-7", "ab", "77x", "c77")] == ["a1", "ab", "site_77", None]
    assert [rules.source(stem) for stem in ("abc_1", "b1", "cab_1")] == ["ab", "b", "cab"]


def test_a_group_without_text_decides_nothing():
    rules = NameRules((r"(?P<photo>x*)", r"(?P<photo>x)?y", r"y(?P<photo>z)"), ())
    assert [rules.photograph(stem) for stem in ("yz", "y", "xx")] == ["z", None, "xx"]


def test_a_pattern_that_never_ends_is_stopped(monkeypatch):
    """(a|aa)+ tries as many ways as there are to add up to 60 by ones and twos, some 2.5 million million."""
    monkeypatch.setattr(provenance, "TIME_LIMIT", 0.2)
    rules = NameRules((r"(a|aa)+(?P<photo>b)$",), ())
    with pytest.raises(
        DataError, match=r"^split\.parents: \(a\|aa\)\+.* takes more than 0\.2 s for the name a+c; expected"
    ):
        rules.parent("a" * 60 + "c")


@given(STEMS)
def test_any_text_has_a_source_and_a_parent(stem):
    assert source_of(stem)
    assert bool(parent_of(stem)) == bool(stem)


@given(STEMS)
def test_a_photograph_s_own_name_is_its_parent(stem):
    assert parent_of(parent_of(stem)) == parent_of(stem)


@given(STEMS)
def test_a_parent_is_of_the_same_source_or_family(stem):
    family = {"forest": "CFD", "Sylvie_Chambon": "CFD"}
    assert source_of(parent_of(stem)) in {source_of(stem), family.get(source_of(stem))}


@pytest.mark.parametrize(
    ("stem", "photo"),
    [
        ("IMG_7_jpg.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9", "IMG_7"),
        ("road-12_png.rf.AbCdEf123", "road-12"),
        ("CRACK500_20160222_081011_1_361_jpg.rf.0a1b2c3d", "CRACK500_20160222_081011"),
        ("cracks_original_IMG_7.jpg_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f", "IMG_7"),
        ("bridge.mp4_frame_00012", "bridge"),
        ("bridge_frame12", "bridge"),
        ("IMG_7_aug_3", "IMG_7"),
        ("IMG_7_hflip", "IMG_7"),
        ("IMG_7_hflip_rot-15", "IMG_7"),
        ("IMG_7-rotated90_flip", "IMG_7"),
        ("IMG_7_bright-blur3", "IMG_7"),
        ("IMG_7 (2)_copy", "IMG_7 (2)"),
        ("IMG_7_tile0_3", "IMG_7"),
        ("IMG_7-crop12", "IMG_7"),
        ("IMG_7_patch_1_2", "IMG_7"),
        ("IMG_7_r03_c05", "IMG_7"),
        ("IMG_7_x128_y256", "IMG_7"),
        # a name that says nothing of a photograph, and ones in which the words are part of others
        ("wall_crop_12", None),
        ("IMG_7", None),
        ("IMG_7_copying", None),
        ("IMG_20200101_123456", None),
    ],
)
def test_copies_and_crops_of_other_tools_are_of_their_photograph(stem, photo):
    assert NameRules.of(SplitParams()).photograph(stem) == photo
