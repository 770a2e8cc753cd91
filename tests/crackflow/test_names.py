import pytest

from crackflow.names import parent_of, source_of


@pytest.mark.parametrize(
    ("stem", "source", "parent"),
    [
        ("CFD_049", "CFD", "CFD_049"),
        ("forest_049", "forest", "CFD_049"),
        ("Sylvie_Chambon_049", "Sylvie_Chambon", "CFD_049"),
        # not a number, so not one of the photographs that CFD holds
        ("Sylvie_Chambon_Im_noGT_ESAR_54a", "Sylvie_Chambon", "Sylvie_Chambon_Im_noGT_ESAR_54a"),
        ("CRACK500_20160307_144115_1281_1", "CRACK500", "CRACK500_20160307_144115"),
        ("CRACK500_IMG_2931_1297_485", "CRACK500", "CRACK500_IMG_2931"),
        ("DeepCrack_11111", "DeepCrack", "DeepCrack_11111"),
        ("DeepCrack_11111-3", "DeepCrack", "DeepCrack_11111"),
        ("DeepCrack_IMG_6469-2", "DeepCrack", "DeepCrack_IMG_6469"),
        ("DeepCrack_IMG33-18", "DeepCrack", "DeepCrack_IMG33"),
        ("DeepCrack_7Q3A9060-14", "DeepCrack", "DeepCrack_7Q3A9060"),
        (
            "Rissbilder_for_Florian_9S6A2846_230_168_2768_2605",
            "Rissbilder_for_Florian",
            "Rissbilder_for_Florian_9S6A2846",
        ),
        ("Volker_DSC01670_678_871_1022_989", "Volker", "Volker_DSC01670"),
        ("noncrack_noncrack_concrete_wall_20_54", "noncrack", "noncrack_noncrack_concrete_wall_20"),
        ("Eugen_Muller_8980a_123_420_527_438", "Eugen_Muller", "Eugen_Muller_8980a"),
        ("GAPS384_train_0809_541_1", "GAPS384", "GAPS384_train_0809"),
        ("GAPS384_test_0005_541_641", "GAPS384", "GAPS384_test_0005"),
        ("cracktree200_6243", "cracktree200", "cracktree200_6243"),
    ],
)
def test_public_names(stem, source, parent):
    assert (source_of(stem), parent_of(stem)) == (source, parent)


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
        ("_hidden", "photos"),
        # a known source's name, but not as a prefix of its own
        ("CFD", "photos"),
        ("forestry_12", "forestry"),
    ],
)
def test_any_other_name_is_its_own_parent(stem, source):
    assert (source_of(stem), parent_of(stem)) == (source, stem)
