"""Schema of a scenario: everything that a run depends on, frozen and validated."""

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
from learning.algorithms.recipe_registry import RECIPES, Recipe
from learning.compressors import COMPRESSORS, LEVEL_SCHEDULES, Compressor, LevelSchedule
from learning.datasets import DATASETS, Dataset, Synthetic
from learning.models import MODELS, Model
from learning.optimizers import SCHEDULES, Schedule
from learning.partitions.distribution_shift import SHIFTS, Shift
from learning.partitions.partitions import PARTITIONS, Iid, Partition
from netsim.barriers.barriers import BARRIERS, Barrier
from netsim.barriers.staleness import STALENESS, Staleness
from netsim.devices.compute import COMPUTE, SPREADS, Compute, Servers, Spread
from netsim.dynamics import FAULT_TIMES, FAULTS, MOTIONS, Fault, FaultTimes, Mobility, Motion
from netsim.dynamics.attachment import ATTACHMENTS, Attachment
from netsim.energy.consumption import COMPUTE_ENERGY, ComputeEnergy, Energy
from netsim.network import (
    FADING,
    FADING_DISTRIBUTIONS,
    LOSSES,
    NETWORKS,
    PATHLOSS,
    PLACEMENTS,
    RATE_MAPS,
    SHADOWING,
    TRACES,
    Fading,
    FadingDistribution,
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
    ValidationContext,
    depth_problems,
    skew_problems,
    step_problems,
    sweep_problems,
    wait_problems,
)
from netsim.scenario.dataclass_schema import DataclassForm, ReadsBy
from netsim.scenario.errors import Loc, Problem, problems_of, suggestion, validation_error
from netsim.scenario.inline_topology import InlineTree
from netsim.scenario.parts import IMPORT_PATH, Catalogue
from netsim.scenario.selection_consistency import availability_problems, selection_problems
from netsim.scenario.sweep import Sweep
from netsim.scenario.sweep_form import SweepForm
from netsim.selection.association import ASSOCIATIONS, Association, GivenAssociation
from netsim.selection.availability import AVAILABILITIES, Availability
from netsim.selection.interfaces import Selection
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
        ("topology", TopologyPart, {**TOPOLOGIES, "tree": InlineTree}),
        ("network", LayerNetwork, NETWORKS),
        ("pathloss", PathLoss, PATHLOSS),
        ("shadowing", Shadowing, SHADOWING),
        ("placement", Placement, PLACEMENTS),
        ("fading", Fading, FADING),
        ("law", FadingDistribution, FADING_DISTRIBUTIONS),
        ("rate map", RateMap, RATE_MAPS),
        ("loss", Loss, LOSSES),
        ("trace", Trace, TRACES),
        ("compute", Compute, COMPUTE),
        ("spread", Spread, SPREADS),
        ("consumption", ComputeEnergy, COMPUTE_ENERGY),
        ("wait", Barrier, BARRIERS),
        ("selection", Selection, SELECTIONS),
        ("availability", Availability, AVAILABILITIES),
        ("association", Association, ASSOCIATIONS),
        ("staleness", Staleness, STALENESS),
        ("fault", Fault, FAULTS),
        ("occurrence", FaultTimes, FAULT_TIMES),
        ("motion", Motion, MOTIONS),
        ("attachment", Attachment, ATTACHMENTS),
    ]
)
"""Every kind of part that a scenario may name, with the Protocol that annotates its fields."""

Count = Annotated[int, Field(strict=True, ge=1)]
Text = Annotated[str, Field(strict=True)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]


def _check_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise ValueError(
            f"must be letters, digits, '-', '_' and '.', at most 64 (it names a folder), got {text!r}"
        )
    if text == "ledger":
        raise ValueError("'ledger' is the name of the folder that runs share; choose another name")
    return text


def _topology_name(value: object) -> object:
    """Treat a bare word that is no part as the name of a topology file."""
    if (
        isinstance(value, str)
        and value not in PARTS["topology"].registry
        and not re.match(IMPORT_PATH, value)
    ):
        return {"file": value}
    return value


class Section(BaseModel):
    """A frozen section of a scenario: unknown keys are errors, and pydantic's errors are translated."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _translate_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise validation_error(problems_of(error, cls.model_fields), data) from None


class TaskSection(Section):
    """The learning task: data set, partition over the devices, distribution shifts, and model.

    A synthetic objective has its own partition and model, and no shifts.
    """

    dataset: Annotated[Dataset | Synthetic, PARTS["dataset"]]
    partition: Annotated[Partition, PARTS["partition"]] = Iid()
    model: Annotated[Model, PARTS["model"]] | None = None
    shifts: tuple[Annotated[Shift, PARTS["shift"]], ...] | None = None
    data_dir: Text | None = None

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        synthetic = isinstance(self.dataset, Synthetic)
        if not synthetic and self.model is None:
            raise validation_error([Problem(("model",), "required, but missing" + suggestion("", MODELS))])
        own = ("partition", "model", "shifts") if synthetic else ()
        idle = [key for key in own if getattr(self, key) != type(self).model_fields[key].default]
        if idle:
            text = "a synthetic objective has its own {}; remove this line"
            raise validation_error([Problem((key,), text.format(key), of_key=True) for key in idle])
        return self


class Devices(Section):
    """The devices: their compute time, and when they are available (default: always)."""

    compute: Annotated[Compute, PARTS["compute"]]
    availability: Annotated[Availability, PARTS["availability"]] | None = None


class Stop(Section):
    """Stopping rule: after `rounds` global rounds, at the simulated `deadline`, or at `target_accuracy`."""

    rounds: Count
    deadline: DurationS | None = None
    target_accuracy: Share | None = None


class Evaluate(Section):
    """Evaluation of the cloud's model: in every `every`-th global round, and after the last."""

    every: Count = 1


class Scenario(Section):
    """Everything that a run depends on; equal scenarios give equal results. Lists are ordered from the devices up.

    Validate plain data with `Scenario.model_validate(data)` (raises pydantic's ValidationError), or load a file with
    `netsim.scenario.load` (raises ScenarioError with places). Parts may be instances.
    """

    name: Annotated[Text, AfterValidator(_check_name)]
    seed: Seed = 0
    task: TaskSection
    topology: Annotated[TopologyPart, PARTS["topology"], BeforeValidator(_topology_name)]
    association: Annotated[Association, PARTS["association"]] = GivenAssociation()
    devices: Devices
    servers: Annotated[Servers, ReadsBy(DataclassForm(Servers, PARTS.dataclass_forms))] = Servers()
    energy: Annotated[Energy, ReadsBy(DataclassForm(Energy, PARTS.dataclass_forms))] | None = None
    algorithm: Annotated[Recipe | Algorithm, AlgorithmForm(PARTS["recipe"])]
    network: tuple[Annotated[LayerNetwork, PARTS["network"]], ...]
    wait: tuple[Annotated[Barrier, PARTS["wait"]], ...] = ()
    faults: tuple[Annotated[Fault, PARTS["fault"]], ...] = ()
    mobility: Annotated[Mobility, ReadsBy(DataclassForm(Mobility, PARTS.dataclass_forms))] | None = None
    selection: tuple[Annotated[Selection, PARTS["selection"]], ...] = ()
    stop: Stop
    evaluate: Evaluate = Evaluate()
    finite: Literal["keep", "reject", "stop"] = "keep"
    precision: Literal["float32", "float64", "tf32", "bf16"] = "float32"
    sweep: Annotated[Sweep, ReadsBy(SweepForm())] = Sweep()

    _validation: ValidationContext = PrivateAttr()

    @property
    def layered_algorithm(self) -> Algorithm:
        """The algorithm as layers, a recipe expanded."""
        return self.algorithm if isinstance(self.algorithm, Algorithm) else self.algorithm.to_algorithm()

    @property
    def recipe(self) -> str:
        """The name of the recipe; `layers` if the algorithm is written as layers."""
        written_out = isinstance(self.algorithm, Algorithm)
        return "layers" if written_out else PARTS["recipe"].name_of(type(self.algorithm))

    def __eq__(self, other: object) -> bool:
        """Return whether all sections are equal, wherever files were looked up."""
        return isinstance(other, Scenario) and all(
            getattr(self, name) == getattr(other, name) for name in type(self).model_fields
        )

    __hash__ = None  # type: ignore[assignment]

    @model_validator(mode="wrap")
    @classmethod
    def _validate_whole(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        scenario = handler(data)
        if not isinstance(data, Mapping):
            return scenario
        context = info.context if isinstance(info.context, ValidationContext) else ValidationContext()
        cls._check_consistency(scenario, data, context)

        def check(tree: Any) -> None:
            cls._check_consistency(handler(tree), tree, context)

        if problems := sweep_problems(data, scenario.sweep, list(cls.model_fields), check):
            raise validation_error(problems, data)
        return scenario

    @classmethod
    def _check_consistency(cls, scenario: Self, data: Mapping[str, Any], context: ValidationContext) -> None:
        """Build the tree and check the sections against each other."""
        try:
            tree = context.grow(scenario.topology)
        except (ValueError, OSError) as error:
            raise validation_error([Problem(("topology",), " ".join(str(error).split()))], data) from None
        scenario._validation = context
        problems = depth_problems(
            scenario.network, scenario.layered_algorithm, _algorithm_location(data), tree.depth
        )
        problems += skew_problems(scenario.task.partition, tree.depth)
        problems += wait_problems(scenario.wait, scenario.layered_algorithm, tree.depth)
        problems += selection_problems(scenario.selection, scenario.wait, scenario.layered_algorithm, tree)
        problems += availability_problems(scenario.devices.availability, scenario.layered_algorithm)
        if problems := problems or step_problems(scenario.stop.rounds, scenario.layered_algorithm):
            raise validation_error(problems, data)


def grow(scenario: Scenario) -> Topology:
    """Return the scenario's tree, built at validation; built again after `model_copy(update=topology)`."""
    return scenario._validation.grow(scenario.topology)


def _algorithm_location(data: Mapping[str, Any]) -> Loc:
    """Return the location of the algorithm's layers."""
    algorithm = data["algorithm"]
    if not isinstance(algorithm, Mapping):
        return ("algorithm",)
    return ("algorithm", "layers" if "layers" in algorithm else next(iter(algorithm)))
