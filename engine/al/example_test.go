package al_test

import (
	"context"
	"fmt"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// A Machine is the user's own type: which of 200 machines should be inspected first?
type Machine struct {
	Site, Model string
	Hours       int
}

type machineFeatures struct{}

var (
	site  = al.NewField("site")
	model = al.NewField("model")
	pair  = al.NewField("site and model")
	hours = al.NewField("hours")
)

func (machineFeatures) Dim() int { return 256 }

func (machineFeatures) Extract(v al.Vector, m Machine) {
	v.Category(site, m.Site)
	v.Category(model, m.Model)
	v.Cross(pair, m.Site, m.Model)
	v.Number(hours, float64(m.Hours)/10_000)
}

func Example() {
	var machines []Machine
	for i := range 200 {
		machines = append(machines, Machine{Site: fmt.Sprint("site ", i%5), Model: fmt.Sprint("model ", i%8), Hours: 37 * i})
	}
	inspect := func(m Machine) (broken bool) { return m.Site == "site 3" && m.Model == "model 6" } // 5 of them

	c, err := al.NewController(al.Config[Machine]{Extract: machineFeatures{}, Seed: 1}, machines, func(Machine) int { return 1 })
	if err != nil {
		fmt.Println(err)
		return
	}
	found, budget := 0, 60
	for budget > 0 {
		draws, err := c.SelectNext(budget, 4)
		if err != nil || len(draws) == 0 {
			fmt.Println(err)
			return
		}
		for _, d := range draws {
			broken := inspect(machines[d.Item])
			if broken {
				found++
			}
			budget--
			if err := c.Observe(d.Item, al.Outcome{Positive: broken, Cost: 1}); err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	fmt.Println("found", found, "of 5 with 60 of 200 inspections")
	// Output: found 5 of 5 with 60 of 200 inspections
}

// A Queue puts what a person should look at first: new and uncertain. What the person says of one is learned at once.
func ExampleQueue() {
	learner := al.NewLearner(machineFeatures{}, 0.5, 1)
	queue := al.NewQueue(learner, func(m Machine) string { return m.Site }, 1)
	queue.Add("press", Machine{Site: "north", Model: "press", Hours: 100})
	queue.Add("same press", Machine{Site: "north", Model: "press", Hours: 100})
	queue.Add("lathe", Machine{Site: "south", Model: "lathe", Hours: 9000})
	for _, r := range queue.Next(3) {
		fmt.Println(r.ID)
	}
	if err := queue.Decide("lathe", true); err != nil {
		fmt.Println(err)
	}
	p := learner.Snapshot().Predict(Machine{Site: "south", Model: "lathe", Hours: 8000})
	fmt.Println("another lathe is likely to be broken:", p.Mean > 0.6)
	// Output:
	// lathe
	// press
	// same press
	// another lathe is likely to be broken: true
}

// memory is a journal for the example; a real one is a file that outlives the process.
type memory struct{ items []Machine }

func (m *memory) Append(batch []Machine) error { m.items = append(m.items, batch...); return nil }

// A Feedback takes items from many goroutines, keeps them, and applies them in batches.
func ExampleFeedback() {
	hours, journal := 0, new(memory)
	feedback := al.NewFeedback(journal, func(batch []Machine) {
		for _, m := range batch {
			hours += m.Hours
		}
	})
	if err := feedback.Start(); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := feedback.Submit(ctx, Machine{Hours: 20}, Machine{Hours: 22}); err != nil {
		fmt.Println(err)
		return
	}
	if err := feedback.Stop(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(journal.items), "kept,", hours, "hours applied,", feedback.Health().State)
	// Output: 2 kept, 42 hours applied, stopped
}
