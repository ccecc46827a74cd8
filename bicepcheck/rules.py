"""Rules of the house for templates: what no type demands and what must not be lost by a slip of the hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bicepcheck.bodies import GROUPS
from bicepcheck.meaning import entry_points
from bicepcheck.syntax import SUBSCRIPTION, Finding, Resource, Template, finding, items_of, literal, text_of, value_of


class Rule(NamedTuple):
    """Every resource of a type has this value at this path, or any if empty; ``file`` narrows it to a template."""

    type: str
    path: str
    value: str
    why: str
    file: str = ""


_KEYS = "connections are by identity only"
_PRIVATE = "isPrivate ? 'Disabled' : 'Enabled'"
_CLOSED = "privateNetworking closes it"
RULES = (
    Rule("Microsoft.Storage/storageAccounts", "properties.publicNetworkAccess", _PRIVATE, _CLOSED, "ledger.bicep"),
    Rule(
        "Microsoft.Storage/storageAccounts", "properties.publicNetworkAccess", _PRIVATE, _CLOSED, "host_storage.bicep"
    ),
    Rule("Microsoft.AppConfiguration/configurationStores", "properties.publicNetworkAccess", _PRIVATE, _CLOSED),
    Rule(
        "Microsoft.Storage/storageAccounts",
        "properties.networkAcls.bypass",
        "'AzureServices'",
        "Event Grid writes dead letters as a trusted service",
        "host_storage.bicep",
    ),
    Rule("Microsoft.Storage/storageAccounts", "sku.name", "'Standard_ZRS'", "a zone may be lost"),
    Rule("Microsoft.Storage/storageAccounts", "properties.allowSharedKeyAccess", "false", _KEYS),
    Rule("Microsoft.Storage/storageAccounts", "properties.allowBlobPublicAccess", "false", "nothing in it is public"),
    Rule("Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", "'TLS1_2'", "older ones are broken"),
    Rule(
        "Microsoft.Storage/storageAccounts/blobServices",
        "properties.isVersioningEnabled",
        "true",
        "an overwritten record can be brought back",
        "ledger.bicep",
    ),
    Rule(
        "Microsoft.Storage/storageAccounts/blobServices",
        "properties.deleteRetentionPolicy.enabled",
        "true",
        "a deleted record can be brought back",
        "ledger.bicep",
    ),
    Rule(
        "Microsoft.Storage/storageAccounts/blobServices",
        "properties.containerDeleteRetentionPolicy.enabled",
        "true",
        "a deleted ledger can be brought back",
        "ledger.bicep",
    ),
    Rule("Microsoft.ContainerRegistry/registries", "sku.name", "'Premium'", "replicas need it", "hubs/shared.bicep"),
    Rule("Microsoft.ContainerRegistry/registries", "properties.adminUserEnabled", "false", _KEYS),
    Rule("Microsoft.KeyVault/vaults", "properties.enableRbacAuthorization", "true", "roles are given, not policies"),
    Rule(
        "Microsoft.MachineLearningServices/workspaces",
        "properties.systemDatastoresAuthMode",
        "'Identity'",
        "the account has no keys",
    ),
    Rule("Microsoft.AppConfiguration/configurationStores", "properties.disableLocalAuth", "true", _KEYS),
    Rule("Microsoft.AppConfiguration/configurationStores", "sku.name", "'standard'", "replicas need it"),
    Rule("Microsoft.EventGrid/topics", "properties.disableLocalAuth", "true", _KEYS),
    Rule("Microsoft.EventGrid/topics", "properties.inputSchema", "'CloudEventSchemaV1_0'", "notices are CloudEvents"),
    Rule("Microsoft.Insights/components", "properties.DisableLocalAuth", "true", _KEYS, "monitoring.bicep"),
    Rule("Microsoft.Insights/components", "properties.WorkspaceResourceId", "workspace.id", "there is no other kind"),
    Rule("Microsoft.Insights/activityLogAlerts", "properties.enabled", "true", "an alert that is off alerts nobody"),
    Rule(
        "Microsoft.Insights/activityLogAlerts",
        "properties.scopes",
        "[subscription().id]",
        "the log is a subscription's",
    ),
    Rule("Microsoft.Insights/scheduledQueryRules", "properties.enabled", "true", "an alert that is off alerts nobody"),
    Rule("Microsoft.Insights/scheduledQueryRules", "properties.scopes", "", "it asks something"),
    Rule("Microsoft.Insights/scheduledQueryRules", "properties.autoMitigate", "true", "an alert ends with its cause"),
    Rule("Microsoft.Insights/workbooks", "properties.sourceId", "workspaceId", "its queries need a workspace"),
    Rule("Microsoft.Insights/scheduledQueryRules", "properties.criteria", "", "it asks something"),
    Rule("Microsoft.Authorization/roleDefinitions", "properties.assignableScopes", "", "it is assigned somewhere"),
    Rule("Microsoft.Authorization/roleDefinitions", "properties.roleName", "", "people find it by that"),
    Rule("Microsoft.Authorization/roleDefinitions", "properties.type", "'CustomRole'", "it is one"),
    Rule("Microsoft.AppConfiguration/configurationStores/replicas", "location", "", "a replica is somewhere else"),
    Rule("Microsoft.Web/sites", "properties.serverFarmId", "plan.id", "it runs on the plan"),
    Rule("Microsoft.Web/sites", "tags", "union(tags, { 'azd-service-name': serviceName })", "azd looks for it"),
    Rule("Microsoft.Web/serverfarms", "sku.name", "'FC1'", "Flex Consumption"),
    Rule("Microsoft.Web/serverfarms", "properties.reserved", "true", "Flex Consumption is Linux"),
    Rule("Microsoft.Web/sites", "kind", "'functionapp,linux'", "it is a function app"),
    Rule("Microsoft.Web/sites", "properties.httpsOnly", "true", "keys are part of URLs"),
    Rule("Microsoft.Web/sites", "properties.functionAppConfig.runtime.name", "'python'", "what the code is written in"),
    Rule("Microsoft.Web/sites", "properties.functionAppConfig.runtime.version", "'3.13'", "the code's version"),
)
NEED_SCOPE = frozenset({"microsoft.authorization/locks", "microsoft.insights/diagnosticsettings"})
NEED_PRINCIPAL_TYPE = "microsoft.authorization/roleassignments"
ALWAYS_READY = frozenset({"durable", "http"})


def check_rules(templates: dict[Path, Template]) -> Iterator[Finding]:
    """Everything in which templates break a rule."""
    for entry in entry_points(templates):
        if entry.target != SUBSCRIPTION:
            yield finding(entry.file, entry.root, f"expected targetScope = '{SUBSCRIPTION}', as nothing uses it")
    for template in templates.values():
        for module in template.modules.values():
            if value_of(module.body, "name") is None:
                yield finding(template.file, module.node, f"{module.name}: expected a name of its deployment")
        for resource in template.resources.values():
            yield from _check_resource(template, resource)


def _check_resource(template: Template, resource: Resource) -> Iterator[Finding]:
    kind = resource.type.casefold()
    if value_of(resource.body, "name") is None:
        yield finding(template.file, resource.node, f"{resource.name}: expected a name")
    if resource.is_existing:
        return
    for rule in RULES:
        if kind == rule.type.casefold() and template.file.endswith(rule.file):
            value = value_of(resource.body, *rule.path.split("."))
            got = text_of(value) if value else "nothing"
            if got != rule.value and (value is None or rule.value):
                told = f"{rule.path}: expected {rule.value or 'a value'}, got {got}: {rule.why}"
                yield finding(template.file, value or resource.node, told)
    if kind in NEED_SCOPE and value_of(resource.body, "scope") is None:
        yield finding(template.file, resource.node, f"{resource.name}: expected a scope, or it is the whole group's")
    if kind == NEED_PRINCIPAL_TYPE and value_of(resource.body, "properties", "principalType") is None:
        told = "expected principalType, without which a new identity may not be found yet"
        yield finding(template.file, resource.node, f"{resource.name}: {told}")
    if kind == "microsoft.web/sites":
        yield from _check_always_ready(template, resource)


def _check_always_ready(template: Template, resource: Resource) -> Iterator[Finding]:
    value = value_of(resource.body, "properties", "functionAppConfig", "scaleAndConcurrency", "alwaysReady")
    given = {literal(value_of(each, "name")) for each in items_of(value)} if value and value.type == "array" else set()
    for name in sorted(ALWAYS_READY - given):
        told = f"alwaysReady: expected an instance for {name}, because nothing looks during a cold start"
        yield finding(template.file, value or resource.node, told)


def check_own_group(templates: dict[Path, Template], folder: Path) -> Iterator[Finding]:
    """What azd deploys stays in groups that it makes: ``azd down`` deletes every group in which it has a resource.

    The rule is for ``main.bicep`` and what it uses (Azure/azure-dev#2916).
    """
    main = templates.get((folder / "main.bicep").resolve())
    todo = [main] if main else []
    while todo:
        template = todo.pop()
        for module in template.modules.values():
            todo += [found for found in [templates.get(template.module_path(module))] if found]
            scope = value_of(module.body, "scope")
            made = template.resources.get(text_of(scope)) if scope else None
            is_own = made is not None and made.type.casefold() == GROUPS and not made.is_existing
            of = templates.get(template.module_path(module))
            makes_groups = scope is None and of is not None and of.target == SUBSCRIPTION
            if not is_own and not makes_groups and (scope is not None or template.target == SUBSCRIPTION):
                told = "expected a resource group of this template as scope; azd down would delete another"
                yield finding(template.file, scope or module.node, f"{module.name}: {told}")
