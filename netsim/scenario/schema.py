"""What a scenario is: everything a run depends on, frozen and validated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from learning.aggregation.rules import RULES, Rule
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipes import RECIPES, Recipe
from learning.compressors import COMPRESSORS, LEVEL_SCHEDULES, Compressor, LevelSchedule
from learning.datasets import DATASETS, Dataset, Synthetic
from learning.models import MODELS, Model
from learning.optimizers import SCHEDULES, Schedule
from learning.partitions.distribution_shift import SHIFTS, Shift
from learning.partitions.partitions import PARTITIONS, Iid, Partition
from netsim.barriers.barriers import WAITS, Barrier
from netsim.barriers.staleness import STALENESS, Staleness
from netsim.devices.compute import COMPUTE, SPREADS, Compute, Servers, Spread
from netsim.dynamics import FAULTS, MOTIONS, OCCURRENCES, Fault, FaultTimes, Mobility, Motion
from netsim.dynamics.attachment import ATTACHMENTS, Attachment
from netsim.energy.consumption import CONSUMPTIONS, Consumption, Energy
from netsim.network import (
    FADING,
    LAWS,
    LOSSES,
    NETWORKS,
    PATHLOSS,
    PLACEMENTS,
    RATE_MAPS,
    SHADOWING,
    TRACES,
    Fading,
    Law,
    LayerNetwork,
    Loss,
    PathLoss,
    Placement,
    RateMap,
    Shadowing,
    Trace,
)
from netsim.scenario.algorithm_form import AlgorithmForm
from netsim.scenario.consistency import (
    Ground,
    depth_problems,
    skew_problems,
    step_problems,
    sweep_problems,
    wait_problems,
)
from netsim.scenario.dataclass_schema import Reads, Record
from netsim.scenario.errors import Loc, Problem, nearest, problems_of, refusal
from netsim.scenario.inline_topology import Tree
from netsim.scenario.parts import STRANGER, Catalogue
from netsim.scenario.selection_consistency import availability_problems, selection_problems
from netsim.scenario.sweep import Sweep
from netsim.scenario.sweep_form import SweepForm
from netsim.selection.association import ASSOCIATIONS, Association, Given
from netsim.selection.availability import AVAILABILITIES, Availability
from netsim.selection.selection import Selection
from netsim.selection.selections import SELECTIONS
from netsim.tau_policies import POLICIES, Policy
from netsim.topology import TOPOLOGIES, Topology, TopologyPart
from netsim.units import DurationS

PARTS = Catalogue(
    [
        ("compressor", Compressor, COMPRESSORS),
        ("growth", LevelSchedule, LEVEL_SCHEDULES),
        ("rule", Rule, RULES),
        ("schedule", Schedule, SCHEDULES),
        ("recipe", Recipe, RECIPES),
        ("policy", Policy, POLICIES),
        ("dataset", Dataset, DATASETS),
        ("partition", Partition, PARTITIONS),
        ("shift", Shift, SHIFTS),
        ("model", Model, MODELS),
        ("topology", TopologyPart, {**TOPOLOGIES, "tree": Tree}),
        ("network", LayerNetwork, NETWORKS),
        ("pathloss", PathLoss, PATHLOSS),
        ("shadowing", Shadowing, SHADOWING),
        ("placement", Placement, PLACEMENTS),
        ("fading", Fading, FADING),
        ("law", Law, LAWS),
        ("rate map", RateMap, RATE_MAPS),
        ("loss", Loss, LOSSES),
        ("trace", Trace, TRACES),
        ("compute", Compute, COMPUTE),
        ("spread", Spread, SPREADS),
        ("consumption", Consumption, CONSUMPTIONS),
        ("wait", Barrier, WAITS),
        ("selection", Selection, SELECTIONS),
        ("availability", Availability, AVAILABILITIES),
        ("association", Association, ASSOCIATIONS),
        ("staleness", Staleness, STALENESS),
        ("fault", Fault, FAULTS),
        ("occurrence", FaultTimes, OCCURRENCES),
        ("motion", Motion, MOTIONS),
        ("attachment", Attachment, ATTACHMENTS),
    ]
)
"""Every kind of part that a scenario may name, with the Protocol that fields are annotated with."""

Count = Annotated[int, Field(strict=True, ge=1)]
Text = Annotated[str, Field(strict=True)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]


def _slug(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise ValueError(
            f"must be letters, digits, '-', '_' and '.', at most 64 (it names a folder), got {text!r}"
        )
    if text == "ledger":
        raise ValueError("'ledger' names the folder of what runs have in common; choose another name")
    return text


def _topology_name(value: object) -> object:
    """A bare word that is no part is a topology file's name."""
    if isinstance(value, str) and value not in PARTS["topology"].registry and not re.match(STRANGER, value):
        return {"file": value}
    return value


class Section(BaseModel):
    """A frozen mapping of a scenario: unknown keys are errors, and every error speaks this project's words."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise refusal(problems_of(error, cls.model_fields), data) from None


class TaskSection(Section):
    """What is learned: samples, how devices share them, what shifts them, and the model.

    A synthetic objective brings its own partition and model, and knows no shifts.
    """

    dataset: Annotated[Dataset | Synthetic, PARTS["dataset"]]
    partition: Annotated[Partition, PARTS["partition"]] = Iid()
    model: Annotated[Model, PARTS["model"]] | None = None
    shifts: tuple[Annotated[Shift, PARTS["shift"]], ...] | None = None
    data_dir: Text | None = None

    @model_validator(mode="after")
    def _model_where_due(self) -> Self:
        synthetic = isinstance(self.dataset, Synthetic)
        if not synthetic and self.model is None:
            raise refusal([Problem(("model",), "required, but missing" + nearest("", MODELS))])
        own = ("partition", "model", "shifts") if synthetic else ()
        idle = [key for key in own if getattr(self, key) != type(self).model_fields[key].default]
        if idle:
            said = "a synthetic objective brings its own {}; remove this line"
            raise refusal([Problem((key,), said.format(key), of_key=True) for key in idle])
        return self


class Devices(Section):
    """The devices themselves: how long they compute, and when they can be asked (default: always)."""

    compute: Annotated[Compute, PARTS["compute"]]
    availability: Annotated[Availability, PARTS["availability"]] | None = None


class Stop(Section):
    """When a run ends: after `rounds` global rounds, at the simulated `deadline`, or at `target_accuracy`."""

    rounds: Count
    deadline: DurationS | None = None
    target_accuracy: Share | None = None


class Evaluate(Section):
    """How often the cloud's model is scored: in every `every`-th global round, and after the last."""

    every: Count = 1


class Scenario(Section):
    """Everything a run depends on; equal scenarios give equal results. Lists run from the devices up.

    Validate plain data with `Scenario.model_validate(data)` (pydantic's ValidationError), or read a file with
    `netsim.scenario.load` (ScenarioError with places). Parts may be given as built instances.
    """

    name: Annotated[Text, AfterValidator(_slug)]
    seed: Seed = 0
    task: TaskSection
    topology: Annotated[TopologyPart, PARTS["topology"], BeforeValidator(_topology_name)]
    association: Annotated[Association, PARTS["association"]] = Given()
    devices: Devices
    servers: Annotated[Servers, Reads(Record(Servers, PARTS.records))] = Servers()
    energy: Annotated[Energy, Reads(Record(Energy, PARTS.records))] | None = None
    algorithm: Annotated[Recipe | Algorithm, AlgorithmForm(PARTS["recipe"])]
    network: tuple[Annotated[LayerNetwork, PARTS["network"]], ...]
    wait: tuple[Annotated[Barrier, PARTS["wait"]], ...] = ()
    faults: tuple[Annotated[Fault, PARTS["fault"]], ...] = ()
    mobility: Annotated[Mobility, Reads(Record(Mobility, PARTS.records))] | None = None
    selection: tuple[Annotated[Selection, PARTS["selection"]], ...] = ()
    stop: Stop
    evaluate: Evaluate = Evaluate()
    finite: Literal["keep", "reject", "stop"] = "keep"
    precision: Literal["float32", "float64", "tf32", "bf16"] = "float32"
    sweep: Annotated[Sweep, Reads(SweepForm())] = Sweep()

    _ground: Ground = PrivateAttr()

    @property
    def ladder(self) -> Algorithm:
        """The algorithm as layers, a recipe expanded."""
        return self.algorithm if isinstance(self.algorithm, Algorithm) else self.algorithm.ladder()

    @property
    def recipe(self) -> str:
        """The algorithm's name, `layers` where it is written out."""
        written_out = isinstance(self.algorithm, Algorithm)
        return "layers" if written_out else PARTS["recipe"].name_of(type(self.algorithm))

    def __eq__(self, other: object) -> bool:
        """Whether all sections are equal; where files were looked up does not matter."""
        return isinstance(other, Scenario) and all(
            getattr(self, name) == getattr(other, name) for name in type(self).model_fields
        )

    __hash__ = None  # type: ignore[assignment]

    @model_validator(mode="wrap")
    @classmethod
    def _as_a_whole(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        scenario = handler(data)
        if not isinstance(data, Mapping):
            return scenario
        ground = info.context if isinstance(info.context, Ground) else Ground()
        cls._settle(scenario, data, ground)

        def check(tree: Any) -> None:
            cls._settle(handler(tree), tree, ground)

        if problems := sweep_problems(data, scenario.sweep, list(cls.model_fields), check):
            raise refusal(problems, data)
        return scenario

    @classmethod
    def _settle(cls, scenario: Self, data: Mapping[str, Any], ground: Ground) -> None:
        """Grow the tree and check the sections against each other."""
        try:
            tree = ground.grow(scenario.topology)
        except (ValueError, OSError) as error:
            raise refusal([Problem(("topology",), " ".join(str(error).split()))], data) from None
        scenario._ground = ground
        problems = depth_problems(scenario.network, scenario.ladder, _place_of_ladder(data), tree.depth)
        problems += skew_problems(scenario.task.partition, tree.depth)
        problems += wait_problems(scenario.wait, scenario.ladder, tree.depth)
        problems += selection_problems(scenario.selection, scenario.wait, scenario.ladder, tree)
        problems += availability_problems(scenario.devices.availability, scenario.ladder)
        if problems := problems or step_problems(scenario.stop.rounds, scenario.ladder):
            raise refusal(problems, data)


def grow(scenario: Scenario) -> Topology:
    """The scenario's tree of nodes, grown when it was validated; grown anew after `model_copy(update=topology)`."""
    return scenario._ground.grow(scenario.topology)


def _place_of_ladder(data: Mapping[str, Any]) -> Loc:
    """Where the layers of the algorithm are written."""
    algorithm = data["algorithm"]
    if not isinstance(algorithm, Mapping):
        return ("algorithm",)
    return ("algorithm", "layers" if "layers" in algorithm else next(iter(algorithm)))
