"""Set-up chains: which calls make the state that an operation needs, and how they are undone."""

from random import Random
from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.chains import Arranged, Chain, Created, respelled, setup_step
from services.generator.adapters.rules.credentials import confirms, logged_in, registration
from services.generator.adapters.rules.inputs import (
    fixed_parameters,
    parameter_value,
    query_values,
    referring,
)
from services.generator.adapters.rules.model import Api, Target, member
from services.generator.adapters.rules.producers import Producer, Producers
from services.generator.adapters.rules.values import Binding, Maker, Mode, Unsatisfiable, sampled
from shared.contracts.scanner import Parameter
from shared.contracts.testcase import Extract, RequestTemplate, Step

_MAX_CHAIN = 8


class Planner:
    """Arranges valid requests for the operations of one API."""

    def __init__(self, api: Api, seed: int) -> None:
        self.api = api
        self.seed = seed
        self.producers = Producers(api)

    def rng(self, target: Target, purpose: str) -> Random:
        return Random(f"{self.seed}:{target.method}:{target.path}:{purpose}")

    def arrange(self, target: Target, mode: Mode = "minimal", chain: Chain | None = None) -> Arranged:
        """A valid request of the operation; a chain that is passed in is continued."""
        chain = chain if chain is not None else Chain()
        before = len(chain.doubts)
        chain.active.add(target.endpoint.id)
        path_params = {name: self._path_value(target, name, chain) for name in target.path_names}
        bindings = self._references(target, chain, mode, path_params)
        known = self._logged_in(target, chain)
        body = known if known is not None else self._body(target, chain, mode, bindings)
        cookies, headers = fixed_parameters(target, self.rng(target, "fixed"))
        request = RequestTemplate(
            method=target.method,
            path=target.path,
            path_params=path_params,
            query=query_values(target, mode, bindings, self.rng(target, "query")),
            headers=headers,
            cookies=cookies,
            body_kind="none" if body is None or target.body is None else target.body.kind,
            body=body,
            content_type=target.body.media_type if body is not None and target.body else None,
        )
        chain.active.discard(target.endpoint.id)
        doubts = [*chain.doubts[before:], *self._hidden(target, bindings, known is not None)]
        del chain.doubts[before:]
        return Arranged(target, request, chain, tuple(doubts), bindings)

    def _logged_in(self, target: Target, chain: Chain) -> dict[str, Any] | None:
        """The body of a login, for an account that is registered first."""
        source = registration(target, self.api)
        if source is None or source.endpoint.id in chain.active:
            return None
        made = self.arrange(source, "minimal", chain)
        body = logged_in(target, made.request.body)
        if body is not None:
            chain.setup.append(setup_step(source, respelled(made, chain.uses[source.endpoint.id]), ()))
        return body

    def _hidden(self, target: Target, bindings: dict[str, Binding], registered: bool) -> list[str]:
        """Doubts about what a contract does not tell."""
        found = []
        if target.needs_knowledge and (not registered or confirms(self.api)):
            found.append("it needs knowledge that can't be made up")
        blind = target.method in ("PUT", "PATCH") and self.api.at("POST", target.collection) is not None
        if blind and not bindings:
            found.append("nothing says which resource it changes")
        needed = [*referring(target, only_required=True)]
        needed += [p.name for p in target.parameters("query") if p.required and names.refers_to(p.name)]
        return [*found, *(f"no producer is known for {name}" for name in needed if name not in bindings)]

    def create(self, target: Target, chain: Chain, parameter: str, mode: Mode = "minimal") -> Binding | None:
        """Adds the set-up step that makes a resource; None where its id can't be told from the answer."""
        found = target.id_for(parameter)
        made = self.arrange(target, mode, chain)
        own = _named(made.request.body, parameter)
        if found is None and own is None:
            return None
        request = respelled(made, chain.uses[target.endpoint.id])
        chain.uses[target.endpoint.id] += 1
        if found is None or (own is not None and not found.path.endswith(member(parameter))):
            binding = Binding(str(_named(request.body, parameter)), sampled(own))
            chain.setup.append(setup_step(target, request, ()))
        else:
            variable = chain.variable(target.noun)
            binding = Binding(_template(variable), found.sample)
            chain.setup.append(setup_step(target, request, (Extract(name=variable, path=found.path),)))
            chain.created.append(Created(target, request.body, found, variable))
        self._clean_up(target, request, binding, chain)
        return binding

    def _clean_up(self, target: Target, request: RequestTemplate, binding: Binding, chain: Chain) -> None:
        if (step := self.undo(target, request, binding)) is not None:
            chain.cleanup.append(step)

    def undo(self, target: Target, request: RequestTemplate, binding: Binding) -> Step | None:
        """The step that deletes what a create call made; None where the API has no way to."""
        delete = self.api.item("DELETE", target.collection)
        if delete is None or delete.tail_parameter is None or delete.ends_session:
            return None
        above = dict(zip(delete.path_names, request.path_params.values(), strict=False))
        return Step(
            role="cleanup",
            name=f"Clean up: delete the {target.noun or 'resource'}",
            operation=delete.ref,
            request=RequestTemplate(
                method="DELETE", path=delete.path, path_params={**above, delete.tail_parameter: binding.template}
            ),
        )

    def _path_value(self, target: Target, name: str, chain: Chain) -> Any:
        at = target.segments.index("{" + name + "}")
        shape = "/" + "/".join("{}" if part.startswith("{") else part for part in target.segments[: at + 1])
        if shape in chain.bound:
            return chain.bound[shape].template
        declared = (p for p in target.parameters("path") if p.name == name)
        parameter = next(declared, Parameter(name=name, location="path"))
        flat = schema.flatten(parameter.json_schema, parameter.json_schema)
        if "enum" not in flat and "const" not in flat:
            for producer in self.producers.for_path(target, at, name):
                binding = self._bind(producer, name, chain)
                if binding is not None:
                    chain.bound[shape] = binding
                    chain.bound.setdefault(producer.target.noun, binding)
                    return binding.template
            chain.doubts.append(f"no producer is known for {name}")
        value = parameter_value(parameter, self.rng(target, name))
        return "1" if value in (None, "") else value

    def _bind(self, producer: Producer, parameter: str, chain: Chain) -> Binding | None:
        if producer.target.endpoint.id in chain.active or len(chain.setup) >= _MAX_CHAIN:
            return None
        if producer.id is None:
            return self.create(producer.target, chain, parameter)
        made = self.arrange(producer.target, "minimal", chain)
        variable = chain.variable(producer.target.noun)
        extract = Extract(name=variable, path=producer.id.path)
        chain.setup.append(setup_step(producer.target, made.request, (extract,)))
        return Binding(_template(variable), producer.id.sample)

    def _references(self, target: Target, chain: Chain, mode: Mode, path_params: dict[str, Any]) -> dict[str, Binding]:
        """Run-time ids for the properties and query parameters that refer to other resources."""
        wanted = [*referring(target, only_required=mode == "minimal")]
        wanted += [p.name for p in target.parameters("query") if p.required and names.refers_to(p.name)]
        found = self._by_body(target, chain)
        for name in wanted:
            by_path = next((key for key in path_params if names.normal(key) == names.normal(name)), None)
            binding = self._reference(target, name, chain)
            if by_path is not None:
                binding = Binding(str(path_params[by_path]), _sample_of(chain, path_params[by_path]))
            if binding is not None:
                found[name] = binding
        return found

    def _by_body(self, target: Target, chain: Chain) -> dict[str, Binding]:
        """The id of what an update changes, where the body names it and not the path, as in PUT `/pets`."""
        creator = self.api.at("POST", target.collection)
        if target.method not in ("PUT", "PATCH") or creator is None or target.body is None:
            return {}
        known = schema.properties(schema.flatten(target.body.json_schema, target.body.json_schema))
        own = next((name for name in known if names.normal(name) in ("id", f"{target.noun}id", "uuid")), None)
        if own is None or creator.endpoint.id in chain.active:
            return {}
        binding = self.create(creator, chain, own)
        return {own: binding} if binding is not None else {}

    def _reference(self, target: Target, name: str, chain: Chain) -> Binding | None:
        for noun in names.nouns_referred(name):
            if noun in chain.bound:
                return chain.bound[noun]
            for producer in self.producers.for_noun(target, noun):
                binding = self._bind(producer, f"{noun}_id", chain)
                if binding is not None:
                    chain.bound[noun] = binding
                    return binding
        return None

    def _body(self, target: Target, chain: Chain, mode: Mode, bindings: dict[str, Binding]) -> Any:
        body = target.body
        if body is None or (mode == "minimal" and not body.required and not _has_required(target)):
            return None
        unknown = frozenset(name for name in referring(target, only_required=False) if name not in bindings)
        maker = Maker(body.json_schema, self.rng(target, f"body:{mode}"), mode, bindings, unknown)
        try:
            return maker.whole()
        except Unsatisfiable:
            chain.doubts.append("no body is known to satisfy its schema")
            return {} if body.kind != "text" else "test"


def _template(variable: str) -> str:
    return "{{" + variable + "}}"


def _named(body: Any, parameter: str) -> Any:
    if not isinstance(body, dict):
        return None
    return next((value for name, value in body.items() if names.normal(name) == names.normal(parameter)), None)


def _sample_of(chain: Chain, template: Any) -> Any:
    return next((binding.sample for binding in chain.bound.values() if binding.template == template), template)


def _has_required(target: Target) -> bool:
    return target.body is not None and bool(
        schema.required(schema.flatten(target.body.json_schema, target.body.json_schema))
    )
