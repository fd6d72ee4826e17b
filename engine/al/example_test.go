package al_test

import (
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
			if c.Observed(d.Item) { // an estimate may draw what a hunt has looked at
				continue
			}
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
