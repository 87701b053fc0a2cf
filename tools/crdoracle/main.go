// crdoracle says what the API server would do with a custom resource: it calls the API server's own packages to decode,
// prune, default and validate an object against a CustomResourceDefinition, CEL rules included.
//
// It reads one request a line from standard input and writes one answer a line to standard output:
//
//	{"crd": {...}, "objects": [{"object": {...}, "old": {...}}]}
//	{"definition": ["spec.versions[0]...: Invalid value: ..."], "answers": [{"decode": "", "unknown": [], "object": {...}, "errors": []}]}
//
// With "old" the object is an update of that stored one. "definition" holds why the API server would refuse the definition; its objects are then not judged.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/crdserverscheme"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

type request struct {
	CRD     json.RawMessage `json:"crd"`
	Objects []struct {
		Object json.RawMessage `json:"object"`
		Old    json.RawMessage `json:"old"`
	} `json:"objects"`
}

type violation struct {
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type answer struct {
	Decode  string         `json:"decode"`
	Unknown []string       `json:"unknown"`
	Object  map[string]any `json:"object"`
	Errors  []violation    `json:"errors"`
}

type response struct {
	Definition []string `json:"definition"`
	Answers    []answer `json:"answers"`
}

var scheme = runtime.NewScheme()

func main() {
	install.Install(scheme)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<28)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		reply, err := respond(lines.Bytes())
		if err == nil {
			err = out.Encode(reply)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "crdoracle:", err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "crdoracle:", err)
		os.Exit(1)
	}
}

func respond(line []byte) (*response, error) {
	var in request
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	reply := &response{Definition: []string{}, Answers: []answer{}}
	external := &v1.CustomResourceDefinition{}
	if err := utiljson.Unmarshal(in.CRD, external); err != nil {
		reply.Definition = append(reply.Definition, err.Error())
		return reply, nil
	}
	scheme.Default(external)
	definition := &apiextensions.CustomResourceDefinition{}
	if err := scheme.Convert(external, definition, nil); err != nil {
		reply.Definition = append(reply.Definition, err.Error())
		return reply, nil
	}
	ctx := context.Background()
	crds := customresourcedefinition.NewStrategy(scheme)
	crds.PrepareForCreate(ctx, definition)
	for _, problem := range validation.ValidateCustomResourceDefinition(ctx, definition) {
		reply.Definition = append(reply.Definition, problem.Error())
	}
	sort.Strings(reply.Definition)
	if len(reply.Definition) > 0 {
		return reply, nil
	}
	for _, each := range in.Objects {
		judged, err := judge(ctx, external, definition, each.Object, each.Old)
		if err != nil {
			return nil, err
		}
		reply.Answers = append(reply.Answers, *judged)
	}
	return reply, nil
}

func judge(ctx context.Context, external *v1.CustomResourceDefinition, definition *apiextensions.CustomResourceDefinition, object, old json.RawMessage) (*answer, error) {
	result := &answer{Unknown: []string{}, Errors: []violation{}}
	u := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(object, &u.Object); err != nil {
		return nil, err
	}
	gvk := u.GroupVersionKind()
	strategy, structural, err := strategyFor(external, definition, gvk)
	if err != nil {
		result.Decode = err.Error()
		return result, nil
	}
	unknown, err := decode(u, structural)
	if err != nil {
		result.Decode = err.Error()
		return result, nil
	}
	result.Unknown = append(result.Unknown, unknown...)
	before := &unstructured.Unstructured{}
	if len(old) > 0 && string(old) != "null" {
		if err := utiljson.Unmarshal(old, &before.Object); err != nil {
			return nil, err
		}
		if _, err := decode(before, structural); err != nil {
			return nil, err
		}
	}
	namespace := ""
	if strategy.NamespaceScoped() {
		for _, given := range []string{u.GetNamespace(), before.GetNamespace(), "default"} {
			if namespace == "" {
				namespace = given
			}
		}
	}
	ctx = genericapirequest.WithNamespace(ctx, namespace)

	if before.Object != nil {
		// Nobody but an API server knows versions, so every object is of the newest one.
		unversioned := u.GetResourceVersion() == ""
		if unversioned {
			u.SetResourceVersion("1")
		}
		before.SetResourceVersion(u.GetResourceVersion())
		unplaced := before.GetNamespace() == "" && u.GetNamespace() == ""
		if before.GetNamespace() == "" {
			before.SetNamespace(namespace)
		}
		uncounted := before.GetGeneration() == 0
		err := rest.BeforeUpdate(strategy, ctx, u, before)
		stored := u.DeepCopy()
		if unversioned {
			unstructured.RemoveNestedField(stored.Object, "metadata", "resourceVersion")
		}
		if uncounted {
			unstructured.RemoveNestedField(stored.Object, "metadata", "generation")
		}
		if unplaced {
			unstructured.RemoveNestedField(stored.Object, "metadata", "namespace")
		}
		result.Object = stored.Object
		return result, record(result, err)
	}

	stored := u.DeepCopy()
	strategy.PrepareForCreate(ctx, stored)
	unstructured.RemoveNestedField(stored.Object, "metadata", "generation")
	if !strategy.NamespaceScoped() {
		unstructured.RemoveNestedField(stored.Object, "metadata", "namespace")
	}
	result.Object = stored.Object
	rest.FillObjectMetaSystemFields(u)
	if u.GetGenerateName() != "" && u.GetName() == "" {
		u.SetName(strategy.GenerateName(u.GetGenerateName()))
	}
	return result, record(result, rest.BeforeCreate(strategy, ctx, u))
}

// record adds the causes of a refusal to the answer.
func record(result *answer, refusal error) error {
	if refusal == nil {
		return nil
	}
	var status *apierrors.StatusError
	if !errors.As(refusal, &status) {
		return refusal
	}
	details := status.Status().Details
	if details == nil || len(details.Causes) == 0 {
		result.Errors = append(result.Errors, violation{Reason: string(status.Status().Reason), Message: status.Status().Message})
		return nil
	}
	for _, cause := range details.Causes {
		result.Errors = append(result.Errors, violation{Field: cause.Field, Reason: string(cause.Type), Message: cause.Message})
	}
	return nil
}

// strategyFor is what the API server's handler for custom resources sets up for one version.
func strategyFor(external *v1.CustomResourceDefinition, definition *apiextensions.CustomResourceDefinition, gvk runtimeschema.GroupVersionKind) (rest.RESTCreateUpdateStrategy, *schema.Structural, error) {
	for i, version := range external.Spec.Versions {
		if version.Name != gvk.Version || external.Spec.Group != gvk.Group || external.Spec.Names.Kind != gvk.Kind {
			continue
		}
		if !version.Served {
			return nil, nil, fmt.Errorf("version %s is not served", version.Name)
		}
		internal := &apiextensions.CustomResourceValidation{}
		if err := v1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, internal, nil); err != nil {
			return nil, nil, err
		}
		structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
		if err != nil {
			return nil, nil, err
		}
		structural = structural.DeepCopy()
		if err := defaulting.PruneDefaults(structural); err != nil {
			return nil, nil, err
		}
		validator, _, err := schemavalidation.NewSchemaValidator(internal.OpenAPIV3Schema)
		if err != nil {
			return nil, nil, err
		}
		var statusSubresource *apiextensions.CustomResourceSubresourceStatus
		var scale *apiextensions.CustomResourceSubresourceScale
		subresources := definition.Spec.Versions[i].Subresources
		if subresources == nil {
			subresources = definition.Spec.Subresources
		}
		if subresources != nil {
			statusSubresource, scale = subresources.Status, subresources.Scale
		}
		strategy := customresource.NewStrategy(crdserverscheme.NewUnstructuredObjectTyper(), external.Spec.Scope == v1.NamespaceScoped, gvk, validator, nil, structural, statusSubresource, scale, nil)
		return strategy, structural, nil
	}
	return nil, nil, fmt.Errorf("no kind %s", gvk)
}

// decode is unstructuredSchemaCoercer.apply with strict field validation, followed by the defaulter: apiserver/customresource_handler.go.
func decode(u *unstructured.Unstructured, structural *schema.Structural) ([]string, error) {
	kind, foundKind, err := unstructured.NestedString(u.Object, "kind")
	if err != nil {
		return nil, err
	}
	apiVersion, foundAPIVersion, err := unstructured.NestedString(u.Object, "apiVersion")
	if err != nil {
		return nil, err
	}
	meta, foundMeta, unknown, err := objectmeta.GetObjectMetaWithOptions(u.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, err
	}
	unknown = append(unknown, pruning.PruneWithOptions(u.Object, structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, structural)
	problem, paths := objectmeta.CoerceWithOptions(nil, u.Object, structural, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
	if problem != nil {
		return nil, problem
	}
	unknown = append(unknown, paths...)
	if foundKind {
		u.SetKind(kind)
	}
	if foundAPIVersion {
		u.SetAPIVersion(apiVersion)
	}
	if foundMeta {
		if err := objectmeta.SetObjectMeta(u.Object, meta); err != nil {
			return nil, err
		}
	}
	defaulting.Default(u.Object, structural)
	return sets.List(sets.New(unknown...)), nil
}
