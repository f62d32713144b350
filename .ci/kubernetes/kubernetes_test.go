// Package kubernetes checks docs/kubernetes with the types of Kubernetes and of the
// Prometheus operator: fields are known and have the right types, and names that refer to
// others are right. It is a module of its own because of what these depend on.
package kubernetes

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const (
	docs      = "../../docs/kubernetes"
	namespace = "etcd-lock"
	tlsSecret = "etcd-lock-tls" // made by hand
)

// manifests are the objects of all files.
type manifests struct {
	configs   map[string]core.ConfigMap
	accounts  map[string]bool
	services  []core.Service
	pods      map[string]core.PodTemplateSpec
	claims    map[string][]core.PersistentVolumeClaim // of the stateful set
	selectors map[string]*v1.LabelSelector            // of the workloads
	policies  []networking.NetworkPolicy
	monitors  []monitoring.ServiceMonitor
}

// kustomization has the fields that the file uses.
type kustomization struct {
	v1.TypeMeta `json:",inline"`
	Namespace   string   `json:"namespace"`
	Resources   []string `json:"resources"`
	Images      []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
	} `json:"images"`
}

func decode[T any](t *testing.T, data []byte) (object T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(data, &object); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return object
}

func load(t *testing.T) *manifests {
	t.Helper()
	m := &manifests{
		configs: map[string]core.ConfigMap{}, accounts: map[string]bool{}, pods: map[string]core.PodTemplateSpec{},
		claims: map[string][]core.PersistentVolumeClaim{}, selectors: map[string]*v1.LabelSelector{},
	}
	data, err := os.ReadFile(filepath.Join(docs, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	k := decode[kustomization](t, data)
	files, err := filepath.Glob(filepath.Join(docs, "*.yaml"))
	if err != nil || len(files) != len(k.Resources)+1 {
		t.Errorf("the files are %q, and the kustomization has %q; %v", files, k.Resources, err)
	}
	for _, file := range k.Resources {
		data, err := os.ReadFile(filepath.Join(docs, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range bytes.Split(data, []byte("\n---\n")) {
			m.add(t, document)
		}
	}
	return m
}

func (m *manifests) add(t *testing.T, data []byte) {
	t.Helper()
	var head v1.PartialObjectMetadata
	if err := yaml.Unmarshal(data, &head); err != nil {
		t.Fatal(err)
	}
	if head.Namespace != namespace && head.Kind != "Namespace" {
		t.Errorf("%s %s is in the namespace %q", head.Kind, head.Name, head.Namespace)
	}
	switch kind := head.APIVersion + " " + head.Kind; kind {
	case "v1 Namespace":
		decode[core.Namespace](t, data)
	case "v1 ConfigMap":
		m.configs[head.Name] = decode[core.ConfigMap](t, data)
	case "v1 ServiceAccount":
		decode[core.ServiceAccount](t, data)
		m.accounts[head.Name] = true
	case "v1 Service":
		m.services = append(m.services, decode[core.Service](t, data))
	case "apps/v1 StatefulSet":
		set := decode[apps.StatefulSet](t, data)
		m.pods[head.Name], m.claims[head.Name], m.selectors[head.Name] = set.Spec.Template, set.Spec.VolumeClaimTemplates, set.Spec.Selector
	case "apps/v1 Deployment":
		deployment := decode[apps.Deployment](t, data)
		m.pods[head.Name], m.selectors[head.Name] = deployment.Spec.Template, deployment.Spec.Selector
	case "networking.k8s.io/v1 NetworkPolicy":
		m.policies = append(m.policies, decode[networking.NetworkPolicy](t, data))
	case "monitoring.coreos.com/v1 ServiceMonitor":
		m.monitors = append(m.monitors, decode[monitoring.ServiceMonitor](t, data))
	default:
		t.Errorf("%s is not checked", kind)
	}
}

func TestManifests(t *testing.T) {
	m := load(t)
	if len(m.pods) != 2 || len(m.policies) != 1 || len(m.monitors) != 1 {
		t.Fatalf("there are %d workloads, %d policies, %d monitors", len(m.pods), len(m.policies), len(m.monitors))
	}
	for name, pod := range m.pods {
		t.Run(name, func(t *testing.T) { m.checkPod(t, name, pod) })
	}
	for _, service := range m.services {
		if !slices.ContainsFunc(slices.Collect(maps.Values(m.pods)), func(pod core.PodTemplateSpec) bool {
			return selects(t, &v1.LabelSelector{MatchLabels: service.Spec.Selector}, pod.Labels)
		}) {
			t.Errorf("service %s selects no pods", service.Name)
		}
	}
	for _, monitor := range m.monitors {
		m.checkMonitor(t, monitor)
	}
}

func selects(t *testing.T, selector *v1.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := v1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(of))
}

// checkPod checks that what the pod refers to exists, that it fits the restricted standard
// of pod security, and that nothing can write but to the recording.
func (m *manifests) checkPod(t *testing.T, name string, pod core.PodTemplateSpec) {
	if !selects(t, m.selectors[name], pod.Labels) || !selects(t, &m.policies[0].Spec.PodSelector, pod.Labels) {
		t.Errorf("the selectors do not match the labels %v", pod.Labels)
	}
	if !m.accounts[pod.Spec.ServiceAccountName] {
		t.Errorf("there is no service account %q", pod.Spec.ServiceAccountName)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
		if v.Secret == nil || v.Secret.SecretName != tlsSecret {
			t.Errorf("volume %s is not the secret", v.Name)
		}
	}
	for _, claim := range m.claims[name] {
		volumes[claim.Name] = true
	}
	s := pod.Spec.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod is not restricted: %+v", s)
	}
	for _, c := range pod.Spec.Containers {
		m.checkContainer(t, c, volumes)
	}
}

func (m *manifests) checkContainer(t *testing.T, c core.Container, volumes map[string]bool) {
	t.Helper()
	for _, mount := range c.VolumeMounts {
		if !volumes[mount.Name] {
			t.Errorf("there is no volume %q", mount.Name)
		}
	}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil || len(m.configs[from.ConfigMapRef.Name].Data) == 0 {
			t.Errorf("there is no config map for %+v", from)
		}
	}
	s := c.SecurityContext
	if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
		s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("container %s is not restricted: %+v", c.Name, s)
	}
	if !slices.Contains(c.Args, "--read-only") {
		t.Errorf("container %s may write to etcd: %q", c.Name, c.Args)
	}
}

// checkMonitor checks that a service has the labels and the port.
func (m *manifests) checkMonitor(t *testing.T, monitor monitoring.ServiceMonitor) {
	t.Helper()
	for _, endpoint := range monitor.Spec.Endpoints {
		if !slices.ContainsFunc(m.services, func(s core.Service) bool {
			return selects(t, &monitor.Spec.Selector, s.Labels) && slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == endpoint.Port })
		}) {
			t.Errorf("no service has the port %s", endpoint.Port)
		}
	}
}
